"""Which files are meant: files by name, lists of files, and folders, which are searched."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..protocol.errors import UnreadableAudio
from ..protocol.text import clean, printable

SUFFIXES = frozenset(
    f".{name}"
    for name in (
        "3g2", "3gp", "aac", "ac3", "adts", "aif", "aifc", "aiff", "amr", "ape", "asf", "au", "avi", "awb", "caf",
        "eac3", "flac", "flv", "gsm", "m4a", "m4b", "m4v", "mka", "mkv", "mov", "mp2", "mp3", "mp4", "mpeg", "mpg",
        "mts", "mxf", "oga", "ogg", "opus", "rf64", "snd", "spx", "ts", "tta", "voc", "w64", "wav", "wave", "weba",
        "webm", "wma", "wmv", "wv",
    )
)  # fmt: skip
"""Suffixes of the files that are read from a folder. A file given by name is tried whatever its suffix."""

DOCUMENTS = frozenset(
    f".{name}"
    for name in ("csv", "docx", "htm", "html", "json", "jpeg", "jpg", "log", "md", "pdf", "png", "rst", "toml", "tsv",
                 "txt", "xlsx", "xml", "yaml", "yml")
)  # fmt: skip
"""Suffixes of the files that lie beside recordings and that nobody takes for one: nothing is said of them."""

SHOWN = 3


@dataclass
class Listing:
    """The files to read, in order; what was passed over in folders; and a line for each path that leads nowhere.

    files     each with the folder that it was found in, where it was not given by name
    """

    files: list[tuple[Path, Path | None]] = field(default_factory=list)
    skipped: list[Path] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def skipped_line(self) -> str:
        """What was passed over, in one line; "" for nothing."""
        if not self.skipped:
            return ""
        names = ", ".join(clean(printable(path.name)) for path in self.skipped[:SHOWN])
        more = f" and {len(self.skipped) - SHOWN} more" if len(self.skipped) > SHOWN else ""
        files = f"{len(self.skipped)} file{'s' * (len(self.skipped) != 1)}"
        return f"{files} passed over, by name no recordings: {names}{more}"


def listed(paths: Iterable[Path]) -> Listing:
    """The files that paths stand for. A folder is searched recursively, and `@LIST` names a file a line."""
    listing = Listing()
    for path in paths:
        try:
            if path.name.startswith("@") and not os.path.lexists(path):
                listing.files += [(one, None) for one in _of_list(path.with_name(path.name[1:]))]
            elif path.is_dir():
                _search(path, listing)
            else:
                listing.files.append((path, None))
        except OSError as error:
            listing.failures.append(f"{clean(printable(path))}: cannot be searched: {error.strerror}")
        except UnreadableAudio as error:
            listing.failures.append(str(error))
    return listing


def recordings(paths: Sequence[Path]) -> list[Path]:
    """The files to read, in order. UnreadableAudio for a path that leads nowhere, and for a folder without any."""
    listing = listed(paths)
    if listing.failures:
        raise UnreadableAudio(listing.failures[0])
    return [path for path, _ in listing.files]


def _of_list(path: Path) -> list[Path]:
    """The files of a list, one a line; a relative one lies beside the list. Empty lines and `#` lines do not count."""
    try:
        lines = path.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError as error:
        raise UnreadableAudio(f"{clean(printable(path))}: the list cannot be read: {error.strerror}") from None
    return [path.parent / line.strip() for line in lines if line.strip() and not line.startswith("#")]


def _search(folder: Path, listing: Listing) -> None:
    found = 0
    for path in _walk(folder, listing, set()):
        if path.suffix.lower() in SUFFIXES:
            listing.files.append((path, folder))
            found += 1
        elif path.suffix.lower() not in DOCUMENTS:
            listing.skipped.append(path)
    if not found and not listing.failures:
        listing.failures.append(f"{clean(printable(folder))}: no recordings in this folder")


def _walk(folder: Path, listing: Listing, seen: set[tuple[int, int]]) -> Iterator[Path]:
    """The files in a folder and below it, sorted. Links to folders are followed, but no folder is entered twice."""
    try:
        about = folder.stat()
        entries = sorted(folder.iterdir())
    except OSError as error:
        listing.failures.append(f"{clean(printable(folder))}: cannot be searched: {error.strerror}")
        return
    if (about.st_dev, about.st_ino) in seen:
        return
    seen.add((about.st_dev, about.st_ino))
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _walk(entry, listing, seen)
        else:
            yield entry
