"""The screen is a function of a state and a size: compared with kept frames, and held to its rules at every size."""

import io
import os
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from emoscope.streamer.display import RecordPlayer, ScreenState, draw, palette
from emoscope.streamer.display.screenshot import text_of
from emoscope.streamer.display.terminal import ansi
from emoscope.streamer.protocol.events import encode

from . import made_record
from .made_frames import frame, state_at

HERE = Path(__file__).parent


def same_as_kept(name: str, text: str) -> None:
    """Compare with a kept frame; EMOSCOPE_KEEP_FRAMES=1 keeps the new one instead."""
    path = HERE / "snapshots" / f"{name}.txt"
    if os.environ.get("EMOSCOPE_KEEP_FRAMES"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 50), (40, 8), (40, 24), (80, 14), (30, 1)])
@pytest.mark.parametrize("words", [False, True])
def test_a_frame_looks_as_it_did(width: int, height: int, words: bool) -> None:
    """A frame looks as it did when somebody last looked at it and found it good."""
    same_as_kept(f"{width}x{height}{'-words' if words else ''}", frame(48.6, width, height, words=words))


def test_a_record_from_disk_draws_the_same_frame(tmp_path: Path) -> None:
    """A record from disk draws the frame that its events draw."""
    path = tmp_path / "made.jsonl"
    path.write_bytes(b"".join(encode(event) + b"\n" for event in made_record.events()))
    state = ScreenState(live=True)
    for item in RecordPlayer(path).until(48.6):
        state.apply(item)
    assert text_of(draw(state, 80, 24)) == frame(48.6, 80, 24)


@given(st.integers(0, 220), st.integers(0, 60), st.sampled_from([-1.0, 0.5, 2.0, 9.8, 48.6, 60.0]), st.booleans())
def test_every_size_is_filled_exactly(width: int, height: int, seconds: float, words: bool) -> None:
    """A terminal of any size, nothing included, gets exactly its rows, each of exactly its columns."""
    lines = draw(state_at(seconds, words=words), width, height)
    assert len(lines) == (height if width else 0)
    assert all(line.cell_len == width for line in lines)


@pytest.mark.parametrize("height", range(1, 30))
@pytest.mark.parametrize("width", [24, 40, 80, 132])
def test_the_headline_label_is_always_there(width: int, height: int) -> None:
    """However few rows there are, the headline's label stays."""
    state = state_at(48.6)
    assert state.headline.upper() in text_of(draw(state, width, height))


def test_few_rows_drop_the_turns_then_the_strip_then_the_words() -> None:
    """Rows that go away take the turns first, then the strip, then the words."""
    seen = []
    for height in range(40, 9, -1):
        text = frame(48.6, 60, height, words=True)
        seen.append(("─ turns" in text, "─ last 60 s" in text, "─ words" in text))
    lost = [next(i for i, s in enumerate(seen) if not s[part]) for part in range(3)]
    assert lost[0] <= lost[1] <= lost[2]
    assert all(before >= after for a, b in pairwise(seen) for before, after in zip(a, b, strict=True))


def test_bars_never_change_their_place() -> None:
    """Bars change their length, never their row."""
    places = []
    for second in (1.2, 9.0, 20.0, 48.6):
        rows = frame(second, 80, 24).splitlines()
        places.append([next(i for i, row in enumerate(rows) if f" {name}" in row[:14]) for name in made_record.LABELS])
    assert all(place == places[0] for place in places)


def test_the_words_panel_hides_without_words() -> None:
    """Without transcript events there is no words' panel; with them there is."""
    assert "─ words" not in frame(48.6, 80, 24)
    assert "─ words" in frame(48.6, 80, 24, words=True)


def test_a_label_is_never_told_by_colour_alone() -> None:
    """Without any colour, each bar and each stretch of the strip still names its label."""
    rows = frame(48.6, 80, 24).splitlines()
    letters = palette.letters(made_record.LABELS)
    assert len(set(letters.values())) == len(letters)
    for name in made_record.LABELS:
        assert any(row.startswith(f" {letters[name]} {name}") for row in rows)
    names = rows[next(i for i, row in enumerate(rows) if "last 60 s" in row) + 2]
    assert names.split()
    for name in names.split():
        assert name in [*made_record.LABELS, "unsure"] or set(name) <= set(letters.values())


def _linear(colour: str) -> list[float]:
    values = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]


@pytest.mark.parametrize("name", palette.COLOURS)
def test_colours_stand_out_on_light_and_on_dark(name: str) -> None:
    """Each colour has a contrast of at least 3 to black and to white (WCAG 2.1, 1.4.11)."""
    red, green, blue = _linear(palette.COLOURS[name])
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    assert (luminance + 0.05) / 0.05 >= 3
    assert 1.05 / (luminance + 0.05) >= 3


# Machado, Oliveira and Fernandes (2009), "A physiologically-based model for simulation of color vision deficiency",
# severity 1.0: what a person without one kind of cone sees of linear red, green and blue.
SEEN: dict[str, list[list[float]]] = {
    "all cones": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def _oklab(linear: list[float]) -> list[float]:
    """Ottosson (2020), "A perceptual color space for image processing"."""
    r, g, b = (min(1.0, max(0.0, value)) for value in linear)
    long, medium, short = (
        (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b) ** (1 / 3),
        (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b) ** (1 / 3),
        (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b) ** (1 / 3),
    )
    return [
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    ]


@pytest.mark.parametrize("eyes", SEEN)
def test_colours_stay_apart_for_colour_blind_people(eyes: str) -> None:
    """Any two labels' colours stay apart, .05 in OKLab, for people with each kind of colour blindness."""
    seen = {
        name: _oklab([sum(m * v for m, v in zip(row, _linear(value), strict=True)) for row in SEEN[eyes]])
        for name, value in palette.COLOURS.items()
    }
    names = list(seen)
    assert set(made_record.LABELS) <= set(names)
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            apart = sum((a - b) ** 2 for a, b in zip(seen[one], seen[other], strict=True)) ** 0.5
            assert apart >= 0.05, (one, other)


def console(**options: object) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=80, height=24, legacy_windows=False, **options)  # type: ignore[arg-type]


def test_no_color_leaves_no_colour() -> None:
    """With NO_COLOR a frame holds bold and dim, and not one colour."""
    lines = draw(state_at(48.6), 80, 24)
    text = "".join(ansi(line, console(_environ={"NO_COLOR": "1", "TERM": "xterm-256color"})) for line in lines)
    codes = {code for part in text.split("\x1b[")[1:] for code in part.split("m")[0].split(";")}
    assert codes <= {"", "0", "1", "2", "3", "4"}
    assert "1" in codes


def test_a_terminal_without_unicode_gets_ascii() -> None:
    """Where the terminal's encoding knows no blocks, the frame is made of ASCII, column for column."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    plain = Console(file=stream, force_terminal=True, color_system=None, legacy_windows=False, width=80)
    lines = draw(state_at(48.6), 80, 24)
    assert len(lines) == 24
    for line in lines:
        text = ansi(line, plain)
        assert text.isascii()
