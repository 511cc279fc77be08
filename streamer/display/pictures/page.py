"""Pages of rows as PNG or SVG: a heading, the labels with their letters, and at most six rows each."""

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure, FigureBase

from ...protocol.events import NOTICE
from ...protocol.text import clean
from ..palette import letters
from ..plain_text import clock
from .row import LEFT, WIDTH, cut, draw_row, height, new_figure
from .sound import Sound
from .story import Story
from .theme import Theme, label_colour

ROWS = 6
HEAD = 0.78  # inches
DPI = 110
_DECIMALS = re.compile(r"(\d+\.\d\d)\d+")
_COORDINATES = re.compile(r'(?<= )(?:d|x|y|x1|y1|x2|y2|width|height|transform)="[^"]*"')


@dataclass(frozen=True)
class Page:
    """One page as a file's content, and how many of its words had no room."""

    content: bytes
    left_out: int


def pages(story: Story, heard: Sound | None, start: float, end: float, theme: Theme, kind: str) -> Iterator[Page]:
    """The pages of the stretch from `start` to `end`; `kind` is `png` or `svg`."""
    stretches = cut(story, start, end)
    seconds = max(last - first for first, last in stretches)
    sheets = [stretches[first : first + ROWS] for first in range(0, len(stretches), ROWS)]
    for number, sheet in enumerate(sheets, 1):
        inches = HEAD + len(sheet) * height(story)
        figure = new_figure(WIDTH, inches, theme)
        parts = figure.subfigures(
            1 + len(sheet), 1, height_ratios=[HEAD, *([height(story)] * len(sheet))], hspace=0, squeeze=False
        )[:, 0]
        for part in parts:
            part.set_facecolor("none")
        _heading(parts[0], story, f"page {number} of {len(sheets)}" if len(sheets) > 1 else "", theme)
        left_out = sum(
            draw_row(part, story, heard, stretch, seconds, theme)
            for part, stretch in zip(parts[1:], sheet, strict=True)
        )
        yield Page(content(figure, kind), left_out)


def content(figure: Figure, kind: str) -> bytes:
    """A figure as the bytes of a file; the same figure gives the same bytes."""
    out = io.BytesIO()
    if kind == "png":
        figure.savefig(out, format="png", dpi=DPI, metadata={"Software": None})
        return _few_colours(out.getvalue())
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return shortened(out.getvalue().decode()).encode()


def shortened(svg: str) -> str:
    """The same picture with coordinates of two decimals, which are far below a pixel."""
    return _COORDINATES.sub(lambda found: _DECIMALS.sub(r"\1", found[0]), svg)


def facts(story: Story) -> str:
    """What is known of the session in one line."""
    speech = sum(one.end - one.start for one in story.utterances) if story.speech_s is None else story.speech_s
    parts = [f"{clock(story.audio_s)} of audio, {clock(speech)} of speech"]
    count = len(story.utterances)
    parts.append(f"{count} utterance{'s' * (count != 1)}" if count else "no speech heard")
    if story.model:
        parts.append(f"model {clean(story.model)}")
    if story.dropped_s:
        parts.append(f"{story.dropped_s:.1f} s lost")
    if not story.closed:
        parts.append("breaks off before its end")
    return " · ".join(parts)


def label_marks(labels: Sequence[str]) -> list[tuple[str, str]]:
    """(letter, label) of every label, in their fixed order, and of `unsure`."""
    letter = letters(labels)
    return [(letter[label], label) for label in (*labels, "unsure")]


def _heading(part: FigureBase, story: Story, page: str, theme: Theme) -> None:
    left = LEFT
    part.text(left, 0.66, clean(story.name), fontsize=13, fontweight="bold", color=theme.ink, va="center")
    part.text(0.985, 0.66, page, fontsize=8, color=theme.soft, va="center", ha="right")
    part.text(left, 0.36, facts(story), fontsize=8, color=theme.soft, va="center")
    part.text(0.985, 0.36, NOTICE.split(". ", 1)[1], fontsize=7, color=theme.soft, va="center", ha="right")
    for letter, label in label_marks(story.labels):
        colour = label_colour(label, story.labels, theme)
        part.text(left, 0.06, letter, fontsize=8, fontweight="bold", color=colour, va="center")
        part.text(left + 0.011, 0.06, clean(label), fontsize=8, color=theme.ink, va="center")
        left += 0.025 + 0.0062 * len(label)
    legend = "stronger colour and larger words" if story.has_words else "stronger colour"
    part.text(0.985, 0.06, f"{legend}: what counted more", fontsize=7, color=theme.soft, va="center", ha="right")


def _few_colours(png: bytes) -> bytes:
    """The same picture with a palette of 256 colours, a third of the size."""
    from PIL import Image

    out = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()
