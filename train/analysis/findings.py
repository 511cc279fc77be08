"""What every analysis hands out: a heading, notes, a short table, the points of its picture, and how to draw it."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from emoscope.streamer.display.pictures.theme import Theme

Cell = str | int | float | None


@dataclass(frozen=True)
class Table:
    """Rows under columns. None is a value that does not exist."""

    columns: tuple[str, ...]
    rows: Sequence[tuple[Cell, ...]]

    def as_csv(self) -> bytes:
        """The table as a file: numbers with six digits, nothing where there is no value."""
        out = io.StringIO(newline="")
        writer = csv.writer(out)
        writer.writerow(self.columns)
        writer.writerows([[_number(cell) for cell in row] for row in self.rows])
        return out.getvalue().encode()


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The result of one analysis.

    title    what is shown, in a few words
    about    model, corpus, clips and speakers, in one line
    notes    what must be known to read it, a line each
    summary  the few numbers that it comes down to
    points   every number that is drawn; the summary where that is all
    draw     makes the picture
    """

    title: str
    about: str
    notes: tuple[str, ...] = ()
    summary: Table
    points: Table | None = None
    draw: "Callable[[Finding, Theme], Figure]" = field(repr=False)


def _number(cell: Cell) -> str:
    if cell is None or (isinstance(cell, float) and not np.isfinite(cell)):
        return ""
    return f"{cell:.6g}" if isinstance(cell, float) else str(cell)


def interval_of_means(values: npt.ArrayLike, speakers: Sequence[str], seed: int = 0) -> tuple[tuple[float, float], str]:
    """95 % bootstrap interval of the mean of `values`, and what was resampled, speakers or utterances."""
    from ..evaluation.intervals import resample

    numbers = np.asarray(values, np.float64)
    drawn = resample(speakers, np.zeros(len(numbers), np.int64), seed)
    pairs = np.stack([numbers, np.ones(len(numbers))], 1)
    with np.errstate(invalid="ignore"):
        return drawn.interval(lambda sums: sums[:, 0] / sums[:, 1], pairs), drawn.by
