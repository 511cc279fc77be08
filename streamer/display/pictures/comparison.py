"""Several conversations side by side: shares of labels, readings over time, arousal and valence."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.ticker import FuncFormatter, MaxNLocator

from emoscope.models.reading import UNSURE

from ...protocol.text import clean
from ..palette import letters
from ..plain_text import clock
from .page import content, label_marks
from .row import WIDTH, new_figure
from .story import Story
from .theme import Theme, label_colour
from .time_panels import CENTRED, text_width
from .totals import Totals

ROWS = 30  # conversations on a page
HEAD, FOOT = 0.95, 0.45  # inches
BAND = 0.62  # inches a conversation
BARS = (0.185, 0.44)  # where the columns begin and end, as shares of the width
TIME = (0.475, 0.855)
PLANE = (0.875, 0.985)


@dataclass(frozen=True)
class Conversation:
    """One session as it is compared: all that was read in it, and its numbers."""

    story: Story
    totals: Totals


def pages(conversations: Sequence[Conversation], theme: Theme, kind: str) -> Iterator[bytes]:
    """The pages of a comparison; `kind` is `png` or `svg`."""
    labels = list(dict.fromkeys(label for one in conversations for label in one.story.labels))
    longest = max((one.totals.audio_s for one in conversations), default=0.0) or 1.0
    for first in range(0, len(conversations), ROWS):
        shown = conversations[first : first + ROWS]
        inches = HEAD + BAND * len(shown) + FOOT
        figure = new_figure(WIDTH, inches, theme)
        _heading(figure, labels, inches, theme)
        bottom, high = FOOT / inches, BAND * len(shown) / inches
        for begin, end in (BARS, TIME, PLANE):
            axes = figure.add_axes((begin, bottom, end - begin, high))
            axes.set_ylim(len(shown) - 0.5, -0.5)
            axes.set_yticks([])
            axes.set_facecolor("none")
            axes.tick_params(length=0, colors=theme.soft, labelsize=7)
            for spine in axes.spines.values():
                spine.set_color(theme.line)
            if begin == BARS[0]:
                _bars(axes, shown, labels, theme)
            elif begin == TIME[0]:
                _timeline(axes, shown, labels, longest, theme)
            else:
                _dimensions(axes, shown, theme)
        for place, one in enumerate(shown):
            _name(figure, one, 1 - (HEAD + BAND * (place + 0.5)) / inches, inches, theme)
        yield content(figure, kind)


def _heading(figure: FigureBase, labels: Sequence[str], inches: float, theme: Theme) -> None:
    figure.text(0.012, 1 - 0.28 / inches, "Conversations", fontsize=13, fontweight="bold", color=theme.ink, va="center")
    left = 0.14
    for letter, label in label_marks(labels):
        colour, middle = label_colour(label, labels, theme), 1 - 0.28 / inches
        figure.text(left, middle, letter, fontsize=8, fontweight="bold", color=colour, va="center")
        figure.text(left + 0.011, middle, clean(label), fontsize=8, color=theme.ink, va="center")
        left += 0.025 + 0.0062 * len(label)
    titles = (
        (BARS, "share of the speech that was read so"),
        (TIME, "every reading: height is confidence, a gap is silence"),
        (PLANE, "A arousal, V valence"),
    )
    for (begin, _), title in titles:
        figure.text(begin, 1 - 0.78 / inches, title, fontsize=8, color=theme.soft, va="center")


def _name(figure: FigureBase, one: Conversation, middle: float, inches: float, theme: Theme) -> None:
    room = (BARS[0] - 0.024) * WIDTH * 72
    name = clean(one.totals.name)
    while len(name) > 2 and text_width(name, 9) > room:
        name = f"…{name[2:]}"  # the end of a path tells more than its beginning
    numbers = f"{clock(one.totals.speech_s)} of speech in {clock(one.totals.audio_s)}"
    numbers += "" if one.totals.whole else ", breaks off"
    figure.text(0.012, middle + 0.08 / inches, name, fontsize=9, fontweight="bold", color=theme.ink, va="center")
    figure.text(0.012, middle - 0.12 / inches, numbers, fontsize=7, color=theme.soft, va="center")


def _bars(axes: Axes, shown: Sequence[Conversation], labels: Sequence[str], theme: Theme) -> None:
    """The shares, stacked in the fixed order of the labels; the percentage where it has room, else the letter."""
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.5, 1], ["0", "50 %", "100 %"])
    letter, points = letters(labels), (BARS[1] - BARS[0]) * WIDTH * 72
    for place, one in enumerate(shown):
        left = 0.0
        for label in (*labels, UNSURE):
            share = one.totals.shares.get(label, 0.0)
            if not share:
                continue
            axes.broken_barh([(left, share)], (place - 0.3, 0.6), color=label_colour(label, labels, theme), linewidth=0)
            mark = letter.get(label, "?")
            choices = (f"{mark} {round(100 * share)} %", mark)
            text = next((choice for choice in choices if text_width(choice, 7.5) + 4 < share * points), "")
            axes.text(left + share / 2, place, text, fontsize=7.5, fontweight="bold", color="#ffffff", **CENTRED)
            left += share
        if not left:
            axes.text(0.01, place, "no speech was read", fontsize=7.5, color=theme.soft, va="center")


def _timeline(axes: Axes, shown: Sequence[Conversation], labels: Sequence[str], longest: float, theme: Theme) -> None:
    axes.set_xlim(0, longest)
    axes.xaxis.set_major_locator(MaxNLocator(8))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda at, _: clock(at).removesuffix(".0")))
    axes.grid(axis="x", color=theme.line, linewidth=0.5)
    axes.set_axisbelow(True)
    letter, points = letters(labels), (TIME[1] - TIME[0]) * WIDTH * 72 / longest
    for place, one in enumerate(shown):
        axes.plot([0, one.totals.audio_s], [place + 0.3, place + 0.3], color=theme.wave, linewidth=0.8)
        for utterance, reading in one.story.finals:
            length = utterance.end - utterance.start
            high = 0.58 * max(0.05, reading.confidence)
            colour = label_colour(reading.label, labels, theme)
            axes.broken_barh([(utterance.start, length)], (place + 0.3 - high, high), color=colour, linewidth=0)
            if length * points > 8 and high > 0.12:
                text, middle = letter.get(reading.label, "?"), (utterance.start + length / 2, place + 0.3 - high / 2)
                axes.text(*middle, text, fontsize=6.5, fontweight="bold", color="#ffffff", **CENTRED)


def _dimensions(axes: Axes, shown: Sequence[Conversation], theme: Theme) -> None:
    axes.set_xlim(-1.1, 1.1)
    axes.set_xticks([-1, 0, 1], ["−1", "0", "+1"])
    axes.axvline(0, color=theme.line, linewidth=0.8)
    for place, one in enumerate(shown):
        for letter, value, at in (("A", one.totals.arousal, place - 0.14), ("V", one.totals.valence, place + 0.14)):
            if value is None:
                continue
            axes.plot([0, value], [at, at], color=theme.wave, linewidth=1)
            axes.text(value, at, letter, fontsize=7.5, fontweight="bold", color=theme.ink, **CENTRED)
