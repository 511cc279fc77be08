"""A page of one file: the rows as SVG, the sound, a cursor that moves with it, and a table that says the same in words.

The page asks no other host for anything, and its Content-Security-Policy forbids it.
"""

import base64
import hashlib
import io
import re
from collections.abc import Iterator
from html import escape
from importlib.resources import files
from string import Template

from ...protocol.events import NOTICE, words_to_text
from ...protocol.text import clean
from ..palette import hexadecimal
from ..plain_text import clock
from ..shapes import probability, signed
from .page import Page, facts, label_marks, shortened
from .row import LEFT, WIDTH, cut, draw_row, height, new_figure, right
from .sound import Sound
from .story import Story
from .theme import PAGE

_IDS = re.compile(r'(\bid="|href="#|url\(#)')
_HEAD = re.compile(r"^.*?(?=<svg)", re.DOTALL)
_METADATA = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)


def page(story: Story, heard: Sound | None, start: float, end: float, *, dark: bool) -> Page:
    """The whole page of the stretch from `start` to `end`.

    heard  the recording; the page plays its FLAC, where it has one
    dark   dark also where the reader's system is light; else as the system is
    """
    stretches = cut(story, start, end)
    seconds = max(last - first for first, last in stretches)
    drawn, left_out = [], 0
    for number, stretch in enumerate(stretches):
        figure = new_figure(WIDTH, height(story), PAGE)
        left_out += draw_row(figure, story, heard, stretch, seconds, PAGE)
        out = io.BytesIO()
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
        drawn.append(
            f'<div class="row" data-start="{stretch[0]:.3f}" data-end="{stretch[1]:.3f}" data-left="{LEFT:.5f}" '
            f'data-right="{right(stretch, seconds):.5f}">{_inline(out.getvalue().decode(), number, stretch)}</div>'
        )
    script = files(__package__).joinpath("explain.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    template = Template(files(__package__).joinpath("explain.html").read_text(encoding="utf-8"))
    text = template.substitute(
        theme=' data-theme="dark"' if dark else "",
        title=escape(clean(story.name)),
        facts=escape(facts(story)),
        notice=escape(NOTICE),
        labels="".join(_label(story, letter, label) for letter, label in label_marks(story.labels)),
        player=_player(heard, start),
        rows="\n".join(drawn),
        table="".join(_table(story, start, end)),
        script=script,
        script_hash=f"sha256-{digest}",
    )
    return Page(text.encode(), left_out)


def _inline(svg: str, number: int, stretch: tuple[float, float]) -> str:
    """An SVG to stand in the page: with ids of its own, colours of the style sheet, and a name for screen readers."""
    svg = _METADATA.sub("", _HEAD.sub("", shortened(svg)))
    svg = _IDS.sub(rf"\1r{number}-", svg)
    for name in ("paper", "ink", "soft", "line", "wave"):
        svg = svg.replace(getattr(PAGE, name), f"var(--{name})")
    name = f"{clock(stretch[0])} to {clock(stretch[1])}: sound, emotions and answers; the table tells them in words"
    return svg.replace("<svg ", f'<svg role="img" aria-label="{escape(name)}" ', 1)


def _label(story: Story, letter: str, label: str) -> str:
    colour = hexadecimal(label, story.labels) or "var(--soft)"
    return f'<li><b style="color: {colour}">{escape(letter)}</b> {escape(clean(label))}</li>'


def _player(heard: Sound | None, start: float) -> str:
    """The buttons, and the sound where the page holds it."""
    theme = '<button id="theme" type="button">Light / dark</button>'
    if heard is None or not heard.flac:
        return f'<div class="bar">{theme}</div>'
    data = base64.b64encode(heard.flac).decode()
    return (
        f'<audio data-begin="{start:.3f}" preload="auto" src="data:audio/flac;base64,{data}"></audio>'
        '<div class="bar"><button id="play" type="button">Play</button>'
        f'<output id="time" aria-label="time">{clock(start)}</output>{theme}'
        "<span>space: play or pause · ← →: a second, with shift ten · 0: to the start · a click goes there</span></div>"
    )


def _table(story: Story, start: float, end: float) -> Iterator[str]:
    """The finals as a table; what is a button in it goes to that time."""
    dimensions = [name for name in ("arousal", "valence") if story.has_plane]
    columns = ["time", "emotion", "the three likeliest", *dimensions, "words", "while it was heard"]
    yield '<div class="scroll" role="region" aria-label="table" tabindex="0">'
    yield "<table><caption>Every reading, in words</caption><thead><tr>"
    yield "".join(f'<th scope="col">{name}</th>' for name in columns) + "</tr></thead><tbody>"
    shown = [(one, final) for one, final in story.finals if one.start < end and one.end > start]
    for one, final in shown:
        ranked = sorted(final.scores.items(), key=lambda item: -item[1])[:3]
        path = ", ".join(f"{reading.label} {probability(reading.confidence)}" for reading in one.interims)
        cells = [
            f'<button type="button">{clock(one.start)}–{clock(one.end)}</button>',
            f"{escape(clean(final.label))} {probability(final.confidence)}",
            ", ".join(f"{escape(clean(label))} {probability(share)}" for label, share in ranked),
            *(signed(final.dimensions[name]) if name in final.dimensions else "" for name in dimensions),
            escape(clean(words_to_text(one.words))),
            escape(clean(path)),
        ]
        yield f'<tr data-start="{one.start:.3f}" data-end="{one.end:.3f}">'
        yield "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>\n"
    yield "" if shown else f'<tr><td colspan="{len(columns)}">no speech</td></tr>'
    yield "</tbody></table></div>"
