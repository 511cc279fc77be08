"""Files that are written whole or not at all, and their digests."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path


def replace_file(path: Path, content: bytes) -> None:
    """Put `content` at `path` in one step: a crash or a full disk leaves the old file as it was."""
    replace_files(path.parent, {path.name: content})


def replace_files(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Put files into a folder, all or none: a full disk, or any other failure to write, leaves the old ones.

    All are written under other names first, and then renamed in their order. A crash between two of these renames
    leaves new files beside old ones; whoever must notice puts a file last that holds the digests of the others.
    """
    partial = {folder / name: folder / f"{name}.partial" for name in contents}
    try:
        for path, content in zip(partial.values(), contents.values(), strict=True):
            with open(path, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        for path, written in partial.items():
            os.replace(written, path)
    finally:
        for written in partial.values():
            written.unlink(missing_ok=True)


def digest(content: bytes) -> str:
    """SHA-256 of a file's content, as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()
