"""The panels of a row: each is drawn from a story over one stretch of time, on axes that end where the stretch ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from ..palette import letters
from ..shapes import FLOOR_DBFS, probability
from .sound import Samples, Sound
from .story import Reading, Story, Utterance, answers, attention_rates, mood_runs
from .theme import Theme, label_colour
from .word_layout import place, weight_shares

QUIETEST = 0.05  # full height of a recording that is never louder than this
COLUMNS = 1100  # points of a row's waveform
FAINTEST = 0.12  # opacity of the attention that counted least
SHOWN = 0.15  # a label that never had this much has no line
LETTER = 0.12  # a share above which its letter is written into it
STRIP = (-0.30, -0.12)  # where the strip below a panel of shares lies

CENTRED: dict[str, Any] = {"ha": "center", "va": "center"}


@dataclass(frozen=True)
class Row:
    """What the panels of one row have in common.

    start, end  the stretch of time, seconds
    scale       of the time axis, points a second
    """

    story: Story
    start: float
    end: float
    scale: float
    theme: Theme

    @property
    def utterances(self) -> list[Utterance]:
        """Those of which a part lies in the row."""
        return self.story.between(self.start, self.end)

    def colour(self, label: str) -> str:
        """The colour of a label."""
        return label_colour(label, self.story.labels, self.theme)

    def inside(self, start: float, end: float) -> tuple[float, float]:
        """The part of a stretch that lies in the row: begin and length."""
        first = max(self.start, start)
        return first, max(0.0, min(self.end, end) - first)


def text_width(text: str, size: float) -> float:
    """The width in points of a text in bold, which is the widest."""
    if not text.strip():
        return 0.0
    return float(TextPath((0, 0), text, size=size, prop=FontProperties(weight="bold")).get_extents().width)


def sound(axes: Axes, row: Row, heard: Sound | None) -> None:
    """The waveform, or without one the level of each second; over it each utterance's attention and label."""
    times, lows, highs = _levels(row) if heard is None else heard.between(row.start, row.end, COLUMNS)
    if heard is not None:
        top = max(QUIETEST, float(np.abs(heard.waveform).max(initial=0.0)))
        lows, highs = lows / top, highs / top
    axes.set_ylim(-1.05, 1.05)
    axes.fill_between(times, lows, highs, color=row.theme.wave, linewidth=0)
    for one in row.utterances:
        colour = row.colour(one.readings[-1].label if one.readings else "")
        for span, rate in zip(one.attention, attention_rates(one.attention), strict=True):
            first, length = row.inside(span.start, span.end)
            if not length:
                continue
            strength = FAINTEST + (1 - FAINTEST) * rate**2
            # One point more at each end, so that two neighbours touch.
            part = slice(
                max(0, int(np.searchsorted(times, first)) - 1), int(np.searchsorted(times, first + length)) + 1
            )
            axes.fill_between(times[part], lows[part], highs[part], color=colour, alpha=strength, linewidth=0, zorder=2)
            axes.broken_barh([(first, length)], (-1.05, 0.14), color=colour, alpha=strength, linewidth=0)
    _names(axes, row)


def _levels(row: Row) -> tuple[Samples, Samples, Samples]:
    """The level of each second as a curve with two sides, as a waveform has: -60 dBFS is 0, and 0 dBFS is 1."""
    levels = row.story.levels
    times = np.linspace(row.start, row.end, COLUMNS, dtype=np.float32)
    if not levels:
        return times[:0], times[:0], times[:0]
    ends = np.array([end for end, _ in levels])
    shares = np.clip((np.array([level for _, level in levels]) - FLOOR_DBFS) / -FLOOR_DBFS, 0.0, 1.0)
    known = times <= ends[-1]
    highs = shares[np.minimum(np.searchsorted(ends, times), len(ends) - 1)].astype(np.float32)
    return times[known], -highs[known], highs[known]


def _names(axes: Axes, row: Row) -> None:
    """The label of each utterance above its beginning: as much of it as there is room for before the next one."""
    shown = row.utterances
    for one, following in zip(shown, [*shown[1:], None], strict=False):
        if not one.readings:
            continue
        reading, start = one.readings[-1], max(one.start, row.start)
        room = ((row.end if following is None else following.start) - start) * row.scale - 4
        open_ = "" if one.final is not None else "…"
        whole = f"{reading.label} {probability(reading.confidence)}{open_}"
        choices = [whole, f"{reading.label}{open_}", letters(row.story.labels).get(reading.label, "?")]
        text = next((choice for choice in choices if text_width(choice, 8.5) <= room), choices[-1])
        axes.annotate(
            text, (start, 1.05), xytext=(0, 3), textcoords="offset points", fontsize=8.5, fontweight="bold",
            color=row.colour(reading.label), annotation_clip=False,
        )  # fmt: skip


def words(axes: Axes, row: Row) -> int:
    """The words, each beginning at its time, larger and darker by its share. Returns how many had no room."""
    said = [
        (word, share)
        for one in row.utterances
        for word, share in zip(one.words, weight_shares(one.words), strict=True)
        if row.start <= word.start < row.end
    ]
    placed, left_out = place(said, row.scale, text_width)
    lines = max(2, 1 + max((word.line for word in placed), default=0))
    axes.set_ylim(lines - 0.5, -0.75)
    for word in placed:
        axes.text(
            word.start, word.line, word.text, fontsize=word.size, alpha=word.strength,
            color=row.theme.ink, va="center", ha="left", fontweight="bold" if word.strength > 0.85 else "normal",
        )  # fmt: skip
        axes.plot([word.start, word.start], [-0.75, -0.6], color=row.theme.soft, linewidth=0.6)
    return left_out


def finals(axes: Axes, row: Row) -> None:
    """The shares of all labels in each final, stacked in a fixed order; below them the mood."""
    _shares(axes, row)
    letter = letters(row.story.labels)
    for one in row.utterances:
        if one.final is None:
            continue
        first, length = row.inside(one.start, one.end)
        below = 0.0
        for label in row.story.labels:
            share = one.final.scores.get(label, 0.0)
            axes.broken_barh([(first, length)], (below, share), color=row.colour(label), linewidth=0)
            if share >= LETTER and length * row.scale > 9:
                text = label if text_width(label, 7) < length * row.scale - 4 else letter[label]
                middle = (first + length / 2, below + share / 2)
                axes.text(*middle, text, fontsize=7, fontweight="bold", color="#ffffff", **CENTRED)
            below += share
    _mood(axes, row)


def _mood(axes: Axes, row: Row) -> None:
    """The rolling reading, from when it was known until another one."""
    letter = letters(row.story.labels)
    low, high = STRIP
    for label, start, until in mood_runs(row.story.moods, max(row.story.audio_s, row.end)):
        first, length = row.inside(start, until)
        if not length:
            continue
        axes.broken_barh([(first, length)], (low, high - low), color=row.colour(label), alpha=0.55, linewidth=0)
        if length * row.scale > 9:
            text = label if text_width(label, 6) < length * row.scale - 4 else letter.get(label, "?")
            axes.text(first + length / 2, (low + high) / 2 - 0.012, text, fontsize=6, color=row.theme.ink, **CENTRED)
    _beside_strip(axes, row, "mood")


def answers_over_time(axes: Axes, row: Row) -> None:
    """How the reading refined: the shares of the leading labels at each interim, the final as a larger point.

    The strip below tells the label after each whole second of an utterance by its letter.
    """
    _shares(axes, row)
    letter = letters(row.story.labels)
    low, high = STRIP
    for one in row.utterances:
        axes.axvspan(*_edges(row, one), color=row.theme.line, alpha=0.35, linewidth=0, zorder=0)
        for label in _leading(one.readings, row.story.labels):
            points = [(reading.at_s, reading.scores.get(label, 0.0)) for reading in one.readings]
            axes.plot(*zip(*points, strict=True), color=row.colour(label), linewidth=1.3, marker=".", markersize=3.5)
            if one.final is not None:
                axes.plot(
                    [one.final.at_s],
                    [one.final.scores.get(label, 0.0)],
                    color=row.colour(label),
                    marker="o",
                    markersize=5,
                )
        if one.final is not None and row.start <= one.final.at_s <= row.end:
            _letters(axes, row, one.final)
        for answer in answers(one):
            at = one.start + answer.seconds
            if answer.reading is None or not row.start <= at <= row.end:
                continue
            label = answer.reading.label
            text = letter.get(label, "?")
            axes.text(at, (low + high) / 2, text, fontsize=7, fontweight="bold", color=row.colour(label), **CENTRED)
    _beside_strip(axes, row, "each second")


def _letters(axes: Axes, row: Row, final: Reading) -> None:
    """The letters of a final's leading labels beside its points, moved down where they would cover each other."""
    letter, below = letters(row.story.labels), float("inf")
    for label in sorted(_leading([final], row.story.labels), key=lambda label: -final.scores[label]):
        below = min(final.scores[label], below - LETTER)
        axes.annotate(
            letter[label], (final.at_s, below), xytext=(5, 0), textcoords="offset points", fontsize=7,
            color=row.colour(label), fontweight="bold", va="center", annotation_clip=False,
        )  # fmt: skip


def _edges(row: Row, one: Utterance) -> tuple[float, float]:
    first, length = row.inside(one.start, one.end)
    return first, first + length


def _leading(readings: Sequence[Reading], labels: Sequence[str]) -> list[str]:
    """The labels that had a share worth drawing at any time, at most four, in their fixed order."""
    most = {label: max((reading.scores.get(label, 0.0) for reading in readings), default=0.0) for label in labels}
    ranked = sorted((label for label in labels if most[label] >= SHOWN), key=lambda label: -most[label])[:4]
    return [label for label in labels if label in ranked]


def _shares(axes: Axes, row: Row) -> None:
    axes.set_ylim(STRIP[0] - 0.02, 1.03)
    axes.set_yticks([0.0, 0.5, 1.0], ["0", ".5", "1"])
    axes.axhline(0.0, color=row.theme.line, linewidth=0.6, zorder=0)
    axes.axhline(0.5, color=row.theme.line, linewidth=0.5, zorder=0)


def _beside_strip(axes: Axes, row: Row, name: str) -> None:
    axes.annotate(
        name, (row.start, sum(STRIP) / 2), xytext=(-4, 0), textcoords="offset points", fontsize=6, ha="right",
        va="center", color=row.theme.soft, annotation_clip=False,
    )  # fmt: skip
