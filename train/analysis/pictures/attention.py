"""Pictures of attention: over the waveform, cumulative, against energy, and by phoneme."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from emoscope.streamer.display.pictures.theme import Theme

from ..cumulative import GRID, MOST, Concentration
from ..findings import Finding
from .page import DASHES, Page, colours, percent


def draw_cumulative(found: Sequence[Concentration], finding: Finding, theme: Theme) -> Figure:
    """The mean curve of each model, where it holds 80 %, and of the first the middle nine tenths of the utterances."""
    page = Page(finding, theme, 5.6, 4.1)
    axes = page.axes(0.62, 0.55, 4.7, 3.4)
    if len(found) == 1:
        low, high = np.percentile(found[0].curves, [5, 95], axis=0)
        axes.fill_between(GRID, low, high, color=colours(theme)[0], alpha=0.18, linewidth=0, label="9 of 10 utterances")
    axes.plot([0, 1], [0, 1], color=theme.wave, linewidth=1, label="every frame alike")
    axes.axhline(MOST, color=theme.soft, linewidth=0.6, linestyle=":")
    for place, one in enumerate(found):
        colour = colours(theme)[place % len(colours(theme))]
        at = float(one.shares.mean())
        axes.plot(GRID, one.mean, color=colour, linestyle=DASHES[place % len(DASHES)], linewidth=1.8, label=one.name)
        axes.plot([at, at], [0, MOST], color=colour, linewidth=0.8, linestyle=":")
        axes.plot([at], [MOST], marker="o", markersize=5, color=colour)
        axes.annotate(
            f"{100 * at:.0f} % of frames", (at, 0.03 + 0.07 * place), xytext=(5, 0), textcoords="offset points",
            fontsize=8, color=colour, fontweight="bold",
        )  # fmt: skip
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.01)
    ticks = np.linspace(0, 1, 6)
    axes.set_xticks(ticks, percent(ticks.tolist()))
    axes.set_yticks(ticks, percent(ticks.tolist()))
    page.grid(axes)
    page.label(axes, "share of the utterance's frames, the most attended first", "attention that they hold")
    page.legend(axes, "lower right")
    return page.figure
