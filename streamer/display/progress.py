"""A progress bar on stderr for work that takes a while, where stderr is a terminal."""

import sys
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from ..protocol.errors import UnreadableAudio
from ..protocol.text import clean_lines
from ..sources.recordings import Recording

LONG_S = 120.0  # of audio, under which nobody waits
MANY = 50  # files, from which on files are counted and not seconds: opening thousands takes long


def _seconds(file: Path) -> float:
    """What a file's header says; 0 for one that says nothing or cannot be read, which is told later."""
    if not file.is_file():
        return 0.0
    try:
        with Recording(file) as recording:
            return (recording.declared or 0) / recording.file_rate
    except UnreadableAudio:
        return 0.0


class Progress:
    """How much of the recordings was read, in seconds of audio, or in files where there are many."""

    def __init__(self, files: list[Path]) -> None:
        self._console = Console(stderr=True)
        self._by_file = len(files) >= MANY
        shown = files if self._console.is_terminal else []
        self._lengths = {file: 1.0 if self._by_file else _seconds(file) for file in shown}
        self._before = 0.0
        self._bar: Bar | None = None
        if len(self._lengths) > 1 or sum(self._lengths.values()) > LONG_S:
            self._bar = Bar(
                TextColumn("{task.description}"),
                BarColumn(),
                TaskProgressColumn(),
                TimeRemainingColumn(),
                console=self._console,
                transient=True,
            )
            self._task = self._bar.add_task("reading", total=sum(self._lengths.values()) or None)

    def print(self, line: str, stream: TextIO | None = None) -> None:
        """A line above the bar, on stdout unless told otherwise."""
        stream, line = stream or sys.stdout, clean_lines(line)
        if self._bar is not None and stream.isatty():
            # Both are one terminal: the bar must know about the line, or they tear each other.
            self._console.print(line, markup=False, highlight=False)
        else:
            print(line, file=stream, flush=True)

    def at(self, seconds: float) -> None:
        """So much of the current file was read."""
        if self._bar is not None:
            self._bar.update(self._task, completed=self._before + (0.0 if self._by_file else seconds))

    def done(self, file: Path) -> None:
        self._before += self._lengths.get(file, 0.0)
        self.at(0.0)

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
