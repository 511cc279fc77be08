"""What a part of `emoscope bench endure` gives back: what it held, beside its bound."""

from collections.abc import Sequence
from dataclasses import dataclass, field

MOST_PROBLEMS = 20  # told in words; the bounds count all


@dataclass(frozen=True)
class Held:
    """One figure beside its bound; it holds when it is at most the bound.

    unit  as it is printed, "" for a count
    """

    what: str
    measured: float
    most: float
    unit: str = ""

    @property
    def holds(self) -> bool:
        """Whether the bound was kept; a figure that could not be measured (NaN) keeps none."""
        return self.measured <= self.most


@dataclass(frozen=True)
class Curve:
    """A line of the picture.

    panel  the panel's title; curves of one panel share its axes
    x, y   the values, and `x_label` and `y_label` what they are
    """

    panel: str
    name: str
    x: Sequence[float]
    y: Sequence[float]
    x_label: str
    y_label: str


@dataclass
class PartReport:
    """A part's result.

    held      figures beside their bounds
    counts    what was done, such as "messages": 12000
    curves    for the picture
    problems  what broke a bound, in words; the first `MOST_PROBLEMS`
    """

    part: str
    held: list[Held] = field(default_factory=list)
    counts: dict[str, float] = field(default_factory=dict)
    curves: list[Curve] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def holds(self) -> bool:
        """Whether something was measured, and every bound was kept."""
        return bool(self.held) and all(one.holds for one in self.held)

    def count(self, what: str, by: float = 1) -> None:
        """Add to a count."""
        self.counts[what] = self.counts.get(what, 0) + by

    def problem(self, text: str) -> None:
        """Note what broke a bound."""
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(text)


HEADING = f"{'part':<11} {'what is held':<58} {'measured':>12} {'at most':>12}"


def lines(report: PartReport) -> list[str]:
    """The rows of the table, then what was done, then what went wrong."""
    rows = [
        f"{report.part:<11} {one.what:<58} {_figure(one.measured, one.unit):>12} {_figure(one.most, one.unit):>12}  "
        f"{'holds' if one.holds else 'FAILS'}"
        for one in report.held
    ]
    done = ", ".join(f"{_figure(number, '')} {what}" for what, number in report.counts.items())
    return [*rows, f"{report.part:<11} {done or 'nothing was done'}; {report.seconds:.0f} s",
            *(f"{'':<11} {problem}" for problem in report.problems)]  # fmt: skip


def _figure(value: float, unit: str) -> str:
    number = f"{value:,.0f}" if float(value).is_integer() else f"{value:,.3g}" if abs(value) < 100 else f"{value:,.0f}"
    return f"{number} {unit}" if unit else number
