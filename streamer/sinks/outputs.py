"""Opening the files that a command was asked to write, and deleting those that stay empty."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

from .event_file import STDOUT, EventFile
from .exports import FORMATS
from .record import RecordWriter
from .wave_file import WaveFile

OutputFile = TypeVar("OutputFile", bound=EventFile | WaveFile)


def open_outputs(
    stack: ExitStack, *, record: Path | None = None, vtt: Path | None = None, csv: Path | None = None
) -> list[EventFile]:
    """The record, the subtitles and the table that were asked for, which the stack closes.

    InputError where such a file exists already, or cannot be written.
    """
    files: list[EventFile] = [] if record is None else [close_with(stack, RecordWriter(record))]
    files += [] if vtt is None else [close_with(stack, FORMATS["vtt"].open(vtt, False))]
    return [*files, *([] if csv is None else [close_with(stack, FORMATS["csv"].open(csv, False))])]


def close_with(stack: ExitStack, file: OutputFile) -> OutputFile:
    """Have the stack close the file, and delete it then if it is still empty."""
    stack.callback(remove_empty, [file.path])
    stack.enter_context(file)
    return file


def remove_empty(files: Sequence[str | Path]) -> list[str]:
    """Delete those of our own files that nothing was written to. Returns the others."""
    kept = []
    for name in files:
        path = Path(name)
        if path == STDOUT:
            continue
        if path.is_file() and path.stat().st_size:
            kept.append(str(name))
        else:
            path.unlink(missing_ok=True)
    return kept
