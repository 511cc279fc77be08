"""The one way in which readings are exported: which formats there are, and the files of a run or of a recording."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..protocol.errors import UsageError
from ..protocol.events import AnyEvent
from .data_files import AudformatTable, JsonFile, ParquetFile
from .event_file import STDOUT, EventFile
from .stretches import Chronological
from .subtitles import SubRip, Subtitles
from .table import Table
from .text_grid import TextGrid

FormatName = Literal["json", "csv", "srt", "vtt", "textgrid", "audformat", "parquet"]


@dataclass(frozen=True)
class Format:
    """A format of exports.

    suffix  of its files
    kind    what writes them: made with a path, and whether the interims are written too
    many    whether one file can hold several recordings
    """

    suffix: str
    kind: type[Table | Subtitles | JsonFile | AudformatTable | ParquetFile | TextGrid]
    many: bool

    def open(self, path: Path, frames: bool) -> EventFile:
        """Create the file. InputError where it exists already, or cannot be written."""
        return self.kind(path, frames)


FORMATS: dict[FormatName, Format] = {
    "json": Format(".json", JsonFile, True),
    "csv": Format(".csv", Table, True),
    "srt": Format(".srt", SubRip, False),
    "vtt": Format(".vtt", Subtitles, False),
    "textgrid": Format(".TextGrid", TextGrid, False),
    "audformat": Format(".audformat.csv", AudformatTable, True),
    "parquet": Format(".parquet", ParquetFile, True),
}


@dataclass(frozen=True)
class Wanted:
    """One file of a whole run: its format and its path, `-` for standard output."""

    format: FormatName
    path: Path


def format_of(path: Path) -> FormatName:
    """The format that a file's name tells. UsageError for a suffix of none."""
    name = path.name.lower()
    found = [key for key, form in FORMATS.items() if name.endswith(form.suffix.lower())]
    if not found:
        raise UsageError(
            f"--out {path}: a folder, or a name that ends in {', '.join(form.suffix for form in FORMATS.values())}"
        )
    return max(found, key=lambda key: len(FORMATS[key].suffix))


def check_stdout(name: FormatName) -> None:
    """UsageError for a format that is no text."""
    if name == "parquet":
        raise UsageError("--format parquet: it is no text; write it with --out FILE or --out DIR")


class ExportGroup:
    """Files that get the same events, those of several channels in the order of their times."""

    def __init__(self, files: Sequence[EventFile]) -> None:
        self.files = list(files)
        self._order = Chronological()

    def write(self, event: AnyEvent) -> None:
        """Write an event to every file. InputError when the disk is full."""
        for ready in self._order.take(event) if self.files else ():
            for file in self.files:
                file.write(ready)


__all__ = ["FORMATS", "STDOUT", "ExportGroup", "Format", "FormatName", "Wanted", "check_stdout", "format_of"]
