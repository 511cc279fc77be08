"""The path of a conversation over the plane of arousal and valence."""

from itertools import pairwise

from matplotlib.axes import Axes

from ..palette import letters
from .time_panels import Row


def plane(axes: Axes, row: Row) -> None:
    """The finals of a row as points with their letters, joined in their order; all other finals as a faint path."""
    theme = row.theme
    axes.set_xlim(-1.08, 1.08)
    axes.set_ylim(-1.08, 1.08)
    axes.set_xticks([-1, 0, 1], ["−1", "0", "+1"])
    axes.set_yticks([-1, 0, 1], ["−1", "0", "+1"])
    axes.tick_params(labelsize=6.5)
    axes.axhline(0, color=theme.line, linewidth=0.8, zorder=0)
    axes.axvline(0, color=theme.line, linewidth=0.8, zorder=0)
    axes.set_xlabel("valence →", fontsize=7.5, color=theme.soft, labelpad=1)
    axes.set_ylabel("arousal →", fontsize=7.5, color=theme.soft, labelpad=-4)
    if not row.story.has_plane:
        why = "no speech here" if not row.story.finals else "this model reads no\narousal and valence"
        axes.text(0, 0.1, why, fontsize=8, color=theme.soft, ha="center", va="bottom")
        return
    everything = [
        (reading.dimensions["valence"], reading.dimensions["arousal"], one, reading.label)
        for one, reading in row.story.finals
        if "valence" in reading.dimensions and "arousal" in reading.dimensions
    ]
    axes.plot([x for x, *_ in everything], [y for _, y, *_ in everything], color=theme.wave, linewidth=0.5, zorder=1)
    here = [point for point in everything if row.start < point[2].end and point[2].start < row.end]
    for place, ((x, y, *_), (to_x, to_y, *_)) in enumerate(pairwise(here)):
        strength = 0.25 + 0.6 * (place + 1) / max(1, len(here) - 1)
        axes.annotate(
            "", (to_x, to_y), xytext=(x, y),
            arrowprops={"arrowstyle": "-|>", "color": theme.soft, "alpha": strength, "linewidth": 0.8,
                        "mutation_scale": 6, "shrinkA": 4, "shrinkB": 4},
        )  # fmt: skip
    letter = letters(row.story.labels)
    for x, y, _, label in here:
        axes.plot([x], [y], marker="o", markersize=9, color=row.colour(label), markeredgecolor=theme.paper, zorder=3)
        axes.text(
            x, y - 0.005, letter.get(label, "?"), fontsize=6, fontweight="bold", color="#ffffff", ha="center",
            va="center_baseline", zorder=4,
        )  # fmt: skip
    if any(one.derived for _, _, one, _ in here):
        axes.set_title("derived from the labels", fontsize=6.5, color=theme.soft, pad=2)
