"""The page of every picture: a title, what was measured, notes at the foot, and axes in the theme's colours."""

import textwrap
from collections.abc import Sequence
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from emoscope.streamer.display.pictures.row import new_figure
from emoscope.streamer.display.pictures.theme import DARK, Theme
from emoscope.streamer.protocol.text import clean

from ..findings import Finding

# Okabe and Ito's palette for colour-blind readers, those that can be seen on white and those that can on black.
ON_LIGHT = ("#0072b2", "#d55e00", "#007a5a", "#a84f86", "#6b6b00")
ON_DARK = ("#56b4e9", "#e69f00", "#2bc49a", "#dd9cc3", "#f0e442")
DASHES = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)))
MARKS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")

LINE = 0.15  # inches of a line of notes


def colours(theme: Theme) -> tuple[str, ...]:
    """The colours of curves that are compared."""
    return ON_DARK if theme == DARK else ON_LIGHT


class Page:
    """A picture of a width and height in inches, with room for `Finding`'s words above and below the axes."""

    def __init__(self, finding: Finding, theme: Theme, width: float, height: float) -> None:
        wide = int(width * 17)
        about = textwrap.wrap(clean(finding.about), wide)
        notes = [line for note in finding.notes for line in textwrap.wrap(clean(note), wide)]
        self.theme = theme
        self.head = 0.52 + LINE * len(about)
        self.foot = 0.12 + LINE * len(notes)
        self.width, self.height = width, self.head + height + self.foot
        self.figure: Figure = new_figure(width, self.height, theme)
        left = 0.16 / width
        self.figure.text(
            left, 1 - 0.24 / self.height, clean(finding.title), fontsize=12, fontweight="bold", color=theme.ink,
            va="center",
        )  # fmt: skip
        for place, line in enumerate(about):
            at = 1 - (0.46 + LINE * place) / self.height
            self.figure.text(left, at, line, fontsize=8, color=theme.soft, va="center")
        for place, line in enumerate(reversed(notes)):
            self.figure.text(left, (0.13 + LINE * place) / self.height, line, fontsize=7, color=theme.soft, va="center")

    def axes(self, left: float, bottom: float, width: float, height: float) -> Axes:
        """Axes at a place in inches, counted from the left and from the top of the notes."""
        place = (left / self.width, (self.foot + bottom) / self.height, width / self.width, height / self.height)
        axes = self.figure.add_axes(place)
        axes.set_facecolor("none")
        axes.tick_params(length=2, colors=self.theme.soft, labelsize=7.5)
        for name, spine in axes.spines.items():
            spine.set_color(self.theme.wave)
            spine.set_visible(name in ("left", "bottom"))
        axes.set_axisbelow(True)
        return axes

    def label(self, axes: Axes, across: str = "", up: str = "", title: str = "") -> None:
        """The words beside axes."""
        axes.set_xlabel(across, fontsize=8, color=self.theme.ink)
        axes.set_ylabel(up, fontsize=8, color=self.theme.ink)
        axes.set_title(title, fontsize=9, color=self.theme.ink, loc="left", fontweight="bold")

    def grid(self, axes: Axes, axis: str = "both") -> None:
        """Quiet lines behind what is drawn."""
        axes.grid(axis=axis, color=self.theme.line, linewidth=0.6)  # type: ignore[arg-type]

    def legend(self, axes: Axes, place: Literal["upper left", "lower right"], columns: int = 1) -> None:
        """The names of what is drawn."""
        handles, names = axes.get_legend_handles_labels()
        made = axes.legend(
            handles, names, loc=place, fontsize=7.5, ncols=columns, facecolor=self.theme.paper, edgecolor="none",
            framealpha=0.85, labelcolor=self.theme.ink,
        )  # fmt: skip
        made.set_zorder(5)


def percent(values: Sequence[float]) -> list[str]:
    """Shares as percentages."""
    return [f"{100 * value:.0f} %" for value in values]
