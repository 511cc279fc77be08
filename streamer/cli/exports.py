"""`--vtt` and `--csv`: what is said and read, as subtitles and as a table, for every command that hears."""

import argparse
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from ..protocol.errors import UsageError

if TYPE_CHECKING:
    from ..sinks.event_file import EventFile

SUFFIXES = {"vtt": ".vtt", "csv": ".csv"}


def add_exports(parser: argparse.ArgumentParser, *, several: bool = False) -> None:
    """The two options; `several` recordings may be read at once."""
    place = "FILE|DIR" if several else "FILE"
    each = ", or DIR/NAME.vtt each" if several else ""
    parser.add_argument("--vtt", type=Path, metavar=place, help=f"write subtitles: emotion and words (WebVTT{each})")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write a table: a row a reading, and a row a word")


def check_exports(args: argparse.Namespace, *, several: bool = False) -> None:
    """UsageError for a name that does not say what is in the file: a slip, more often than a wish."""
    for name, suffix in SUFFIXES.items():
        path: Path | None = getattr(args, name)
        if path is not None and path.suffix.lower() != suffix and not (several and name == "vtt" and is_folder(path)):
            raise UsageError(f"--{name} {path}: the name of such a file ends in {suffix}")


def is_folder(path: Path) -> bool:
    """A folder that is there, or a name without a suffix."""
    return path.is_dir() or not path.suffix


def open_exports(args: argparse.Namespace, stack: ExitStack) -> "list[EventFile]":
    """The files that were asked for, made now; closed with the stack, and taken away again if nothing came into them.

    InputError where one is there already, or cannot be written.
    """
    from ..sinks.event_file import written
    from ..sinks.subtitles import Subtitles
    from ..sinks.table import Table

    files: list[EventFile] = []
    for path, kind in ((args.vtt, Subtitles), (args.csv, Table)):
        if path is not None and not (kind is Subtitles and is_folder(path)):
            file = kind(path)
            stack.callback(written, [str(path)])
            files.append(stack.enter_context(file))
    return files


def open_own(args: argparse.Namespace, recording: Path, stack: ExitStack) -> "list[EventFile]":
    """The files in the folders that were asked for, named after one recording: its record, its subtitles."""
    from ..sinks.event_file import free_path
    from ..sinks.record import RecordWriter
    from ..sinks.subtitles import Subtitles

    files: list[EventFile] = []
    if args.record is not None:
        files.append(RecordWriter(free_path(args.record, recording)))
    if args.vtt is not None and is_folder(args.vtt):
        files.append(Subtitles(free_path(args.vtt, recording, ".vtt")))
    return [stack.enter_context(file) for file in files]
