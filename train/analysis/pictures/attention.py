"""Pictures of attention: over the waveform, cumulative, against energy, and by phoneme."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from emoscope.streamer.display.pictures.theme import Theme
from emoscope.streamer.protocol.text import clean

from ..cumulative import GRID, MOST, Concentration
from ..energy import AgainstEnergy
from ..findings import Finding
from ..phonemes import KINDS, PhonemeSalience, Salience
from ..waveform import Waveform
from .page import DASHES, Page, colours, percent


def draw_cumulative(found: Sequence[Concentration], finding: Finding, theme: Theme) -> Figure:
    """The mean curve of each model, where it holds 80 %, and of the first the middle nine tenths of the utterances."""
    page = Page(finding, theme, 5.6, 4.0)
    axes = page.axes(0.62, 0.5, 4.7, 3.4)
    if len(found) == 1:
        low, high = np.percentile(found[0].curves, [5, 95], axis=0)
        axes.fill_between(GRID, low, high, color=colours(theme)[0], alpha=0.18, linewidth=0, label="9 of 10 utterances")
    axes.plot([0, 1], [0, 1], color=theme.wave, linewidth=1, label="every frame alike")
    axes.axhline(MOST, color=theme.soft, linewidth=0.6, linestyle=":")
    for place, one in enumerate(found):
        colour = colours(theme)[place % len(colours(theme))]
        at = float(one.shares.mean())
        name = f"{clean(one.name)}: {100 * at:.1f} % of the frames hold 80 %"
        axes.plot(GRID, one.mean, color=colour, linestyle=DASHES[place % len(DASHES)], linewidth=1.8, label=name)
        axes.plot([at, at], [0, MOST], color=colour, linewidth=0.8, linestyle=":")
        axes.plot([at], [MOST], marker="o", markersize=5, color=colour)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.01)
    ticks = np.linspace(0, 1, 6)
    axes.set_xticks(ticks, percent(ticks.tolist()))
    axes.set_yticks(ticks, percent(ticks.tolist()))
    page.grid(axes)
    page.label(axes, "share of the utterance's frames, the most attended first", "attention that they hold")
    _published(axes, theme)
    page.legend(axes, "lower right")
    return page.figure


def _published(axes: Axes, theme: Theme) -> None:
    """Leygue et al. (2025), section 4.3: 15 % of the frames hold 80 %."""
    axes.plot(
        [0.15], [MOST], marker="D", markersize=5, color=theme.ink, linestyle="none", label="Leygue et al. (2025): 15 %"
    )


def draw_energy(found: AgainstEnergy, finding: Finding, theme: Theme) -> Figure:
    """Left: the correlation within each utterance. Right: the attention on a frame by its level."""
    page = Page(finding, theme, 8.4, 3.45)
    blue, orange = colours(theme)[:2]
    left = page.axes(0.62, 0.55, 3.35, 2.6)
    one = found.energy
    left.hist(one.values, bins=np.linspace(-1, 1, 41).tolist(), color=blue, alpha=0.75, linewidth=0)
    left.axvline(0, color=theme.soft, linewidth=0.8)
    left.axvline(one.mean, color=orange, linewidth=1.6, linestyle="--")
    left.set_xlim(-1, 1)
    left.set_ylim(0, left.get_ylim()[1] * 1.15)
    left.text(
        0.02, 0.97, f"mean {one.mean:.2f} ± {one.std:.2f}", transform=left.transAxes, fontsize=8, fontweight="bold",
        color=orange, va="top",
    )  # fmt: skip
    page.grid(left, "y")
    page.label(left, "correlation of attention and energy", "utterances", "Within each utterance")
    right = page.axes(4.75, 0.55, 3.4, 2.6)
    known = found.frames > 0
    right.axhline(1, color=theme.soft, linewidth=0.8)
    right.annotate(
        "every frame alike", (found.steps[known][0], 1), xytext=(0, 3), textcoords="offset points", fontsize=7,
        color=theme.soft,
    )  # fmt: skip
    right.plot(found.steps[known], found.rates[known], color=blue, marker="o", markersize=4, linewidth=1.5)
    right.set_ylim(0, max(1.3, float(np.nanmax(found.rates)) * 1.15))
    page.grid(right)
    page.label(right, "level of the frame, dB below the loudest", "attention, times its even share", "By level")
    return page.figure


KIND_MARKS = dict(zip(KINDS, ("o", "s", "^", "D", "v", "X"), strict=True))


def draw_phonemes(found: PhonemeSalience, finding: Finding, theme: Theme) -> Figure:
    """A row for each phoneme, the most salient at the top; on the right the kinds of phonemes."""
    shades = dict(zip(KINDS, (*colours(theme), theme.soft), strict=True))
    rows = found.phones
    high = max(2.6, 0.15 * len(rows) + 0.3)
    page = Page(finding, theme, 8.4, high + 0.75)
    axes = page.axes(0.75, 0.55, 4.6, high)
    _ratios(axes, page, rows, shades, [_spoken(row.phone) for row in rows], log=True)
    page.label(axes, "likelihood ratio, with 95 % interval (logarithmic)", "", "Phonemes")
    kinds = sorted(found.kinds, key=lambda row: -row.ratio)
    low = 0.3 * len(kinds) + 0.3
    beside = page.axes(6.25, 0.55 + high - low, 1.95, low)
    _ratios(beside, page, kinds, shades, [f"{KIND_NAMES[row.kind]}" for row in kinds], log=False)
    page.label(beside, "likelihood ratio", "", "Kinds")
    return page.figure


KIND_NAMES = {**dict.fromkeys(KINDS, ""), **{kind: f"{kind}s" for kind in KINDS[:5]}, "pause": "pauses"}


def _spoken(phone: str) -> str:
    return "pause" if phone == "pause" else f"/{phone}/"


def _ratios(
    axes: Axes, page: Page, rows: Sequence[Salience], shades: dict[str, str], names: list[str], *, log: bool
) -> None:
    """A mark and an interval for each row. On a logarithmic scale, a ratio that lies beyond is an arrow at the edge."""
    low = max(0.05, 0.85 * min([row.ci95[0] for row in rows if row.ci95 and row.ci95[0] > 0], default=0.1))
    high = 1.1 * max([row.ci95[1] if row.ci95 else row.ratio for row in rows])
    axes.axvline(1, color=page.theme.soft, linewidth=0.8)
    for place, row in enumerate(rows):
        colour = shades[row.kind]
        if row.ci95 is not None:
            axes.plot(row.ci95, [place, place], color=colour, linewidth=1.4, solid_capstyle="butt")
        if row.ratio >= low or not log:
            axes.plot([row.ratio], [place], color=colour, marker=KIND_MARKS[row.kind], markersize=4.5)
        else:
            axes.plot([low], [place], color=colour, marker="<", markersize=5, clip_on=False)
            if row.ci95 is None:
                axes.annotate(
                    f"{row.ratio:.2g}", (low, place), xytext=(6, 0), textcoords="offset points", fontsize=7,
                    color=colour, va="center",
                )  # fmt: skip
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks(range(len(rows)), names)
    axes.tick_params(axis="y", labelsize=7.5, length=0, labelcolor=page.theme.ink)
    if log:
        axes.set_xscale("log")
        ticks = [at for at in (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10) if low <= at <= high]
        axes.set_xticks(ticks, [f"{at:g}" for at in ticks])
        axes.minorticks_off()
    axes.set_xlim(low if log else 0, high)
    page.grid(axes, "x")


def draw_waveforms(heard: Sequence[Waveform], finding: Finding, theme: Theme) -> Figure:
    """Each recording in two strips: its sound, the more attended the stronger, and the attention of every frame."""
    each = 1.55
    page = Page(finding, theme, 8.4, each * len(heard) + 0.3)
    blue = colours(theme)[0]
    ramp = LinearSegmentedColormap.from_list("attention", [theme.wave, blue])
    most = max([rate for one in heard for _, rates in one.rates for rate in rates], default=1.0)
    for place, one in enumerate(heard):
        bottom = 0.45 + each * (len(heard) - 1 - place)
        sound = page.axes(0.62, bottom + 0.5, 7.55, 0.62)
        strength = np.clip((one.rate_at(one.times) - 0.5) / (max(1.5, most) - 0.5), 0, 1)
        sound.vlines(one.times, one.lows, one.highs, color=ramp(strength), linewidth=1.0)
        sound.set_ylim(-1.05, 1.05)
        sound.set_yticks([])
        sound.spines["left"].set_visible(False)
        sound.tick_params(labelbottom=False)
        sound.set_title(one.name, fontsize=8, color=theme.ink, loc="left", fontweight="bold", pad=3)
        attention = page.axes(0.62, bottom, 7.55, 0.45)
        attention.axhline(1, color=theme.soft, linewidth=0.6, linestyle=":")
        for edges, rates in one.rates:
            attention.stairs(rates, edges, color=blue, fill=True, alpha=0.35, linewidth=0)
            attention.stairs(rates, edges, color=blue, linewidth=0.9)
        attention.set_ylim(0, most * 1.05)
        attention.yaxis.set_major_locator(MaxNLocator(2, integer=True))
        for axes in (sound, attention):
            axes.set_xlim(0, one.seconds)
        if not one.rates:
            attention.text(0.01, 0.3, "no speech found", transform=attention.transAxes, fontsize=7.5, color=theme.soft)
        if place == len(heard) - 1:
            attention.set_xlabel("seconds", fontsize=8, color=theme.ink)
    middle = (page.foot + 0.45 + each * len(heard) / 2) / page.height
    page.figure.text(
        0.16 / page.width, middle, "attention, times its even share", fontsize=8, color=theme.ink, rotation=90,
        va="center",
    )  # fmt: skip
    return page.figure
