"""The files of pictures: which formats there are, whether they can be written, and how they are numbered."""

import tempfile
from pathlib import Path

from emoscope.models.cards import replace_file

from ...protocol.errors import InputError


def check_writable(path: Path) -> None:
    """InputError, before anything is read, where a file at this path could not be written."""
    if path.is_dir():
        raise InputError(f"{path}: cannot be written: it is a folder")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None


def numbered(path: Path, page: int) -> Path:
    """The path of a page: the first has the name that was given, the others a number in it."""
    return path if page == 1 else path.with_name(f"{path.stem}.{page}{path.suffix}")


def write(path: Path, content: bytes) -> None:
    """Write a picture in one step, over an older one. InputError where the disk is full or the path is taken."""
    try:
        replace_file(path, content)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None


def size(count: int) -> str:
    """A number of bytes as a person reads it."""
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{max(1, round(count / 1e3))} kB"
