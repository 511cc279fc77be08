"""Progress of a long job on stderr: a bar on a terminal, occasional lines in a pipe."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

QUIET_S = 20.0  # between two lines in a pipe


class Stage:
    """One job of known size. `advance` after each piece; `note` is shown beside the bar."""

    def __init__(self, title: str, total: int, bar: Progress | None) -> None:
        self.title, self.total, self.done, self.note = title, total, 0, ""
        self._bar = bar
        self._task = None if bar is None else bar.add_task(title, total=total, note="")
        self._started = self._reported = time.monotonic()

    def advance(self, pieces: int = 1, note: str | None = None) -> None:
        self.done += pieces
        self.note = self.note if note is None else note
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=self.done, note=self.note)
        elif time.monotonic() - self._reported > QUIET_S or self.done >= self.total:
            self._reported = time.monotonic()
            minutes = (self._reported - self._started) / 60
            print(f"{self.title}: {self.done}/{self.total}, {minutes:.1f} min {self.note}", file=sys.stderr, flush=True)


@contextmanager
def stage(title: str, total: int) -> Iterator[Stage]:
    """Show a job's progress while it runs."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Stage(title, total, None)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console) as bar:
        yield Stage(title, total, bar)


def say(line: str) -> None:
    """Print one line to stderr."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(line, markup=False)
