"""Pictures of answers: reliability, confusion, seconds heard, agreement of models, and the plane of embeddings."""

import textwrap
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from emoscope.streamer.display.pictures.theme import Theme, label_colour
from emoscope.streamer.protocol.text import clean

from ..agreement import Agreement
from ..calibration import Reliability
from ..embedding import Map
from ..findings import Finding
from ..heard import Heard
from .page import DASHES, MARKS, Page, colours, percent

Array = npt.NDArray[np.float64]
QUARTERS = np.linspace(0, 1, 5)
CELL = 0.66  # inches


def draw_reliability(found: Reliability, finding: Finding, theme: Theme) -> Figure:
    """Above: accuracy by confidence, with and without temperature. Below: how many clips have which confidence."""
    page = Page(finding, theme, 5.6, 5.0)
    blue, orange = colours(theme)[:2]
    axes = page.axes(0.62, 1.5, 4.7, 3.4)
    axes.plot([0, 1], [0, 1], color=theme.wave, linewidth=1, label="as right as it is sure")
    before = found.bins_before
    axes.plot(
        [one.confidence for one in before], [one.accuracy for one in before], color=orange, marker="s", markersize=4,
        linestyle="--", linewidth=1.2, label=f"before temperature, ECE {found.ece_before:.3f}",
    )  # fmt: skip
    for one, (low, high) in zip(found.bins, found.intervals, strict=True):
        axes.plot([one.confidence, one.confidence], [low, high], color=blue, linewidth=1)
    axes.plot(
        [one.confidence for one in found.bins], [one.accuracy for one in found.bins], color=blue, marker="o",
        markersize=5, linewidth=1.8, label=f"as it answers, ECE {found.ece:.3f}",
    )  # fmt: skip
    _unit(axes)
    axes.tick_params(labelbottom=False)
    page.grid(axes)
    page.label(axes, "", "share of answers that are right")
    page.legend(axes, "lower right")
    below = page.axes(0.62, 0.55, 4.7, 0.8)
    below.bar([one.confidence for one in found.bins], [one.n for one in found.bins], width=0.06, color=blue, alpha=0.75)
    for one in found.bins:
        below.annotate(
            str(one.n), (one.confidence, one.n), xytext=(0, 2), textcoords="offset points", ha="center", fontsize=7,
            color=theme.ink,
        )  # fmt: skip
    below.set_xlim(0, 1)
    below.set_ylim(0, max(one.n for one in found.bins) * 1.35)
    below.set_xticks(QUARTERS, percent(QUARTERS.tolist()))
    page.label(below, "confidence of the answer", "clips")
    return page.figure


def draw_confusion(classes: Sequence[str], matrix: Array, finding: Finding, theme: Theme) -> Figure:
    """A row for each true class: which share of its clips was answered how, with the numbers of clips beneath."""
    silent = matrix[:, -1].sum() > 0
    shown = matrix if silent else matrix[:, :-1]
    names = [*classes, "no answer"] if silent else list(classes)
    shares = shown / np.maximum(matrix.sum(1, keepdims=True), 1)
    texts = [
        f"{100 * share:.0f} %\n{count:.0f}" if count else ""
        for share, count in zip(shares.ravel(), shown.ravel(), strict=True)
    ]
    beside = _margin(classes)
    page = Page(finding, theme, max(5.2, beside + CELL * len(names) + 0.2), CELL * len(classes) + 0.65)
    _heat(page, (beside, 0.55), shares, texts, classes, names, "the corpus's label", "the model's answer")
    return page.figure


def draw_agreement(found: Agreement, finding: Finding, theme: Theme) -> Figure:
    """Left: UAR of each model (column) where another's answers (row) are the truth. Right: who is right, by pairs."""
    names = [clean(name) for name in found.names]
    texts = [f"{value:.3f}" for value in found.matrix.ravel()]
    beside, cells = _margin(names), CELL * len(names)
    high = max(cells, 0.62 * len(found.pairs) + 0.1)
    width = beside + cells + 4.3
    page = Page(finding, theme, width, high + 1.15)
    below = 0.85
    _heat(
        page, (beside, below + high - cells), found.matrix, texts, names, names, "taken for the truth", "scored (UAR)"
    )
    axes = page.axes(beside + cells + 0.5, below + high - 0.62 * len(found.pairs), 3.6, 0.62 * len(found.pairs))
    shades = (colours(theme)[0], colours(theme)[1], colours(theme)[2], theme.wave)
    for place, pair in enumerate(found.pairs):
        left = 0.0
        parts = (pair.both_right, pair.only_first, pair.only_second, pair.neither)
        for share, shade in zip(parts, shades, strict=True):
            axes.barh(place, share, left=left, height=0.42, color=shade, linewidth=0)
            if share >= 0.05:
                colour = readable_on(to_rgb(shade))
                axes.text(
                    left + share / 2, place, f"{100 * share:.0f}", ha="center", va="center", fontsize=7.5, color=colour
                )
            left += share
        title = f"{clean(pair.first)} (1st), {clean(pair.second)} (2nd): same answer {100 * pair.same:.0f} %"
        axes.text(0, place - 0.34, title, fontsize=7.5, color=theme.ink, va="center")
    axes.set_ylim(len(found.pairs) - 0.6, -0.55)
    axes.set_xlim(0, 1)
    axes.set_yticks([])
    axes.set_xticks(QUARTERS, percent(QUARTERS.tolist()))
    axes.spines["left"].set_visible(False)
    marks = [Patch(color=shade) for shade in shades]
    axes.legend(
        marks, ["both right", "only 1st", "only 2nd", "neither"], loc="upper center", ncols=4, fontsize=7.5,
        bbox_to_anchor=(0.5, -0.28 / len(found.pairs) - 0.05), frameon=False, labelcolor=theme.ink, columnspacing=1.0,
        handlelength=1.0,
    )  # fmt: skip
    return page.figure


def draw_heard(found: Sequence[tuple[str, Sequence[Heard]]], chance: float, finding: Finding, theme: Theme) -> Figure:
    """UAR, and the share of answers that are `unsure`, by seconds of speech; at the right edge all of it."""
    page = Page(finding, theme, 6.4, 4.1)
    axes = page.axes(0.62, 0.55, 5.5, 3.35)
    times = [one.seconds for one in found[0][1] if one.seconds is not None]
    step = times[-1] - times[-2] if len(times) > 1 else 1.0
    whole = times[-1] + step
    places = [*times, whole]
    axes.axhline(chance, color=theme.soft, linewidth=0.8, linestyle=":")
    axes.annotate(
        "chance", (places[0], chance), xytext=(0, 3), textcoords="offset points", fontsize=7.5, color=theme.soft
    )
    for place, (name, rows) in enumerate(found):
        colour, dash = colours(theme)[place % len(colours(theme))], DASHES[place % len(DASHES)]
        axes.fill_between(
            places, [r.uar_ci95[0] for r in rows], [r.uar_ci95[1] for r in rows], color=colour, alpha=0.13, linewidth=0
        )
        axes.plot(
            places, [r.uar for r in rows], color=colour, linestyle=dash, marker=MARKS[place % len(MARKS)],
            markersize=4.5, linewidth=1.7, label=f"{clean(name)}: UAR",
        )  # fmt: skip
        axes.plot(
            places, [r.unsure for r in rows], color=colour, linestyle=dash, linewidth=0.9, alpha=0.8,
            marker=MARKS[place % len(MARKS)], markersize=3, markerfacecolor=theme.paper, label=f"{clean(name)}: unsure",
        )  # fmt: skip
    axes.set_ylim(0, 1)
    axes.set_yticks(QUARTERS, percent(QUARTERS.tolist()))
    axes.set_xticks(places, [*(f"{at:g}" for at in times), "all"])
    page.grid(axes)
    page.label(axes, "seconds of speech heard", "share")
    page.legend(axes, "upper left", columns=len(found))
    return page.figure


def draw_map(found: Map, labels: Sequence[str], finding: Finding, theme: Theme) -> Figure:
    """The same plane twice: clips by label, and by speaker."""
    page = Page(finding, theme, 8.8, 4.9)
    speakers = sorted({clip.speaker for clip in found.clips})
    by_label = [(clean(name), name, label_colour(name, labels, theme)) for name in labels]
    shades = colours(theme)
    by_speaker = [(clean(name), name, shades[place % len(shades)]) for place, name in enumerate(speakers)]
    for left, title, groups, key in (
        (0.2, "By label", by_label, [clip.label for clip in found.clips]),
        (4.55, "By speaker", by_speaker, [clip.speaker for clip in found.clips]),
    ):
        axes = page.axes(left, 0.85, 4.05, 3.8)
        for place, (name, value, colour) in enumerate(groups):
            rows = [i for i, one in enumerate(key) if one == value]
            if rows:
                mark = MARKS[(place if title == "By label" else place // len(shades)) % len(MARKS)]
                axes.scatter(
                    found.places[rows, 0], found.places[rows, 1], s=15, color=colour, marker=mark, linewidths=0,
                    alpha=0.85, label=name,
                )  # fmt: skip
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set_visible(True)
        page.label(axes, title=title)
        many = len(groups) > 30
        if not many:
            axes.legend(
                loc="upper center", bbox_to_anchor=(0.5, -0.02), ncols=min(5, len(groups)) if len(groups) <= 10 else 8,
                fontsize=7, frameon=False, labelcolor=theme.ink, handletextpad=0.1, columnspacing=0.9, borderpad=0.2,
            )  # fmt: skip
        else:
            axes.set_xlabel(f"{len(groups)} speakers", fontsize=8, color=theme.soft)
    return page.figure


def _unit(axes: Axes) -> None:
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.set_xticks(QUARTERS, percent(QUARTERS.tolist()))
    axes.set_yticks(QUARTERS, percent(QUARTERS.tolist()))


def _margin(names: Sequence[str]) -> float:
    """Inches that the names of rows take."""
    return 0.65 + 0.075 * max(len(name) for name in names)


def _heat(
    page: Page, corner: tuple[float, float], values: Array, texts: Sequence[str], rows: Sequence[str],
    columns: Sequence[str], down: str, across: str,
) -> None:  # fmt: skip
    """A table whose cells are the stronger the nearer to 1, with a text in each; `corner` is below on the left."""
    theme = page.theme
    axes = page.axes(*corner, CELL * len(columns), CELL * len(rows))
    ramp = LinearSegmentedColormap.from_list("share", [theme.paper, colours(theme)[0]])
    axes.imshow(values, cmap=ramp, vmin=0, vmax=1, aspect="auto")
    for place, text in enumerate(texts):
        row, column = divmod(place, len(columns))
        colour = readable_on(to_rgb(ramp(float(values[row, column]))))
        axes.text(column, row, text, ha="center", va="center", fontsize=7.5, color=colour, linespacing=1.1)
    axes.set_yticks(range(len(rows)), rows)
    axes.set_xticks(range(len(columns)), ["\n".join(textwrap.wrap(name, 10)) for name in columns])
    axes.tick_params(length=0, labelsize=8, labelcolor=theme.ink)
    for spine in axes.spines.values():
        spine.set_visible(False)
    page.label(axes, across, down)


def readable_on(colour: tuple[float, float, float]) -> str:
    """Black or white, whichever has the greater contrast to a colour (WCAG 2.1, relative luminance)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#000000" if (luminance + 0.05) ** 2 > 1.05 * 0.05 else "#ffffff"
