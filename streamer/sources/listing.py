"""Which files are meant: files by name, lists of files, and folders, which are searched."""

import os
from collections import Counter
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

BESIDE = frozenset(
    f".{name}"
    for name in (
        "csv", "htm", "html", "jpeg", "jpg", "json", "jsonl", "lab", "md", "pdf", "png", "rst", "srt", "svg",
        "textgrid", "toml", "tsv", "txt", "vtt", "xlsx", "xml", "yaml", "yml",
    )
)  # fmt: skip
"""Suffixes of texts, tables and pictures, which lie beside recordings and are none."""

SHOWN, KINDS = 3, 8  # up to `SHOWN` files that are passed over are named; of more, the kinds are counted
RECORD = ".jsonl"


@dataclass
class Listing:
    """The files to read, in order; what was passed over in folders; and a line for each path that leads nowhere.

    files     each with the folder that it was found in, where it was not given by name
    skipped   files of folders that may be recordings of an unknown kind, and texts among several files given by name
    """

    files: list[tuple[Path, Path | None]] = field(default_factory=list)
    skipped: list[Path] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def skipped_line(self) -> str:
        """What was passed over, in one line; "" for nothing."""
        if not self.skipped:
            return ""
        count = len(self.skipped)
        names = [path.name for path in self.skipped] if count <= SHOWN else _kinds(self.skipped)
        listed = ", ".join(clean(printable(name)) for name in names)
        return f"{count} file{'s' * (count != 1)} passed over, by name no recordings: {listed}"


def listed(paths: Iterable[Path]) -> Listing:
    """The files that paths stand for. A folder is searched recursively, and `@LIST` names a file a line.

    Texts, tables and pictures in a folder are passed over without a word. One that is given by name is read like any
    other file where only texts are named, and passed over where recordings are named with it.
    """
    listing, texts = Listing(), list[Path]()
    paths = list(paths)
    for path in paths:
        try:
            if path.name.startswith("@") and not os.path.lexists(path):
                listing.files += [(one, None) for one in _of_list(path.with_name(path.name[1:]))]
            elif path.is_dir():
                _search(path, listing)
            elif len(paths) > 1 and path.suffix.lower() in BESIDE - {RECORD, ".json"} and path.is_file():
                texts.append(path)  # a shell's `*` names what lies beside the recordings too
            else:
                listing.files.append((path, None))
        except OSError as error:
            listing.failures.append(f"{clean(printable(path))}: cannot be searched: {error.strerror}")
        except UnreadableAudio as error:
            listing.failures.append(str(error))
    if listing.files:
        listing.skipped += texts
    else:
        listing.files = [(path, None) for path in texts]
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
    found, records = 0, False
    for path in _walk(folder, listing, set()):
        if path.suffix.lower() in SUFFIXES:
            listing.files.append((path, folder))
            found += 1
        elif path.suffix.lower() in BESIDE:
            records = records or path.suffix.lower() == RECORD
        else:
            listing.skipped.append(path)
    if not found and not listing.failures:
        hint = f"; records are named one by one, as in {folder / ('*' + RECORD)}" if records else ""
        listing.failures.append(f"{clean(printable(folder))}: no recordings in this folder{clean(printable(hint))}")


def _kinds(files: Sequence[Path]) -> list[str]:
    """How many files have each suffix, the most frequent first."""
    counts = Counter(path.suffix.lower() or "without a suffix" for path in files)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    shown, rest = ranked[:KINDS], sum(count for _, count in ranked[KINDS:])
    return [f"{count} {kind}" for kind, count in shown] + [f"{rest} others"] * bool(rest)


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
