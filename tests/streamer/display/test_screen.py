"""The screen is a function of a state and a size: compared with kept frames, and held to its rules at every size."""

import importlib.util
import io
import os
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.console import Console

from emoscope.streamer.display import RecordPlayer, ScreenState, draw, palette, panels, summary, timeline
from emoscope.streamer.display.screenshot import text_of
from emoscope.streamer.display.terminal import ansi
from emoscope.streamer.protocol.events import (
    EmotionFinal,
    EmotionInterim,
    Error,
    SpeechStarted,
    TranscriptInterim,
    WarningEvent,
    encode,
)
from emoscope.streamer.runtime.updates import Meter, Notice

HERE = Path(__file__).parent
_spec = importlib.util.spec_from_file_location("made_record", HERE / "made_record.py")
assert _spec is not None and _spec.loader is not None
made_record = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(made_record)


def state_at(seconds: float, *, words: bool = False) -> ScreenState:
    """A screen that has seen the made record up to a second, and nothing of the wall's time."""
    from emoscope.streamer.sinks.record import event_time

    state = ScreenState(live=True)
    for event in made_record.events(words=words):
        if (event_time(event) or 0.0) > seconds:
            break
        state.apply(event)
    return state


def frame(seconds: float, width: int, height: int, *, words: bool = False) -> str:
    return text_of(draw(state_at(seconds, words=words), width, height))


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
    for line in draw(state_at(48.6), 80, 24):
        text = ansi(line, plain)
        assert text.isascii()


def test_the_headline_waits_for_a_lead_or_a_second_reading() -> None:
    """A label that barely leads once does not change the headline; twice in a row, or clearly, or finally, it does."""
    base = next(e for e in made_record.events() if isinstance(e, EmotionInterim))

    def reading(rev: int, **p: float) -> EmotionInterim:
        label = max(p, key=lambda name: p[name])
        return replace(base, rev=rev, label=label, confidence=p[label], scores=p)

    state = ScreenState()
    state.apply(reading(1, sad=0.5, calm=0.45))
    state.apply(reading(2, sad=0.46, calm=0.5))
    assert state.headline == "sad"
    assert state.reading is not None and state.reading.label == "calm"
    state.apply(reading(3, sad=0.5, calm=0.45))
    state.apply(reading(4, sad=0.46, calm=0.5))
    assert state.headline == "sad"
    state.apply(reading(5, sad=0.46, calm=0.5))
    assert state.headline == "calm"
    state.apply(reading(6, sad=0.8, calm=0.2))
    assert state.headline == "sad"


def test_interims_are_dim_and_finals_are_bright() -> None:
    """While a reading may change its bars are dim; the final's are not."""
    state = state_at(48.6)
    assert isinstance(state.reading, EmotionInterim)
    assert any(span.style.dim for span in panels.bars(state, 40, 9)[0].spans)  # type: ignore[union-attr]
    state = state_at(51.0)
    assert isinstance(state.reading, EmotionFinal)
    assert not any(span.style.dim for span in panels.bars(state, 40, 9)[0].spans)  # type: ignore[union-attr]


def test_a_gap_in_the_strip_is_silence() -> None:
    """The strip's blanks lie where nobody spoke."""
    strip = timeline.last_minute(state_at(53.0), 62, 1)[0].plain  # a column a second
    spoken = {s for start, end in made_record.UTTERANCES for s in range(int(start), int(end - 0.001) + 1)}
    for second in range(0, 53):
        column = len(strip) - (54 - second)
        assert (strip[column] != " ") == (second in spoken), second


@pytest.mark.parametrize(
    ("news", "shown"),
    [
        (WarningEvent(code="clipping", message="the input clips", start=48.0), "clipping"),
        (WarningEvent(code="narrow_band", message="nothing above 4 kHz", start=48.0), "nothing above 4 kHz"),
        (WarningEvent(code="rate_mismatch", message="3048 samples a second arrive", start=48.0), "3048 samples"),
        (WarningEvent(code="audio_dropped", message="audio was lost", start=47.0, end=48.0), "audio was lost"),
        (Meter(49.0, (-30.0,), 0.1, 0.0, False, 1.0), "dropped 1.0 s (input)"),
        (Error(code="device_lost", message="Yeti stopped delivering audio", fatal=True), "Yeti stopped"),
        (Notice("out.jsonl: the record stops here: No space left on device", serious=True), "No space left"),
        (Meter(49.0, (-30.0,), 1.4, 0.0, False), "lag 1.40 s (model)"),
        (Meter(49.0, (-30.0,), 0.1, 0.0, True), "paused"),
        (Meter(49.0, (-120.0,) * 40, 0.1, 0.0, False), "no signal"),
    ],
)
def test_what_is_wrong_is_on_the_screen(news: object, shown: str) -> None:
    """Whatever is wrong with the input, the model or the disk stands on the screen in words."""
    state = state_at(48.6)
    state.apply(news)  # type: ignore[arg-type]
    assert shown in text_of(draw(state, 80, 24))


def test_a_serious_message_is_not_pushed_out_by_a_light_one() -> None:
    """An error stays until its time is over, whatever notes come meanwhile."""
    state = state_at(48.6)
    state.apply(Notice("the disk is full", serious=True))
    state.apply(Notice("reset"))
    assert "the disk is full" in text_of(draw(state, 80, 24))


def test_the_notice_stands_on_the_first_frames() -> None:
    """Every session opens with the notice, whole."""
    text = " ".join(frame(1.2, 80, 24).split())
    assert "A reading is a guess about expression, not a fact about the person." in text


def test_the_state_does_not_grow_with_time() -> None:
    """Two hours of speech leave no more in the screen's state than ten minutes."""

    def size(hours: float) -> int:
        state = state_at(1.0)
        readings = [e for e in made_record.events() if isinstance(e, EmotionFinal)]
        for n in range(int(hours * 3600 / 5)):
            start = 60.0 + n * 5
            state.apply(SpeechStarted(seq=n, utterance=n, start=start))
            state.apply(Meter(start + 4, (-30.0,) * 100, 0.1, 0.0, False))
            state.apply(replace(readings[n % 7], utterance=n, start=start, end=start + 3))
        return len(state.curve) + len(state.strip) + len(state.turns) + len(state.infer_ms)

    assert size(2.0) <= size(0.5) + 5


def test_the_summary_has_five_lines() -> None:
    """What stays in the scrollback is five lines, with or without speech, and names the files."""
    assert len(summary(ScreenState(), [])) == 5
    lines = summary(state_at(60.0), ["out.jsonl"])
    assert len(lines) == 5
    assert "7 utterances" in lines[0]
    assert "out.jsonl" in lines[4]


def panel(*news: object, width: int = 24) -> list[object]:
    state = ScreenState(live=True, labels=("angry", "sad"))
    for item in news:
        state.apply(item)  # type: ignore[arg-type]
    return [line for line in timeline.words(state, width, 6) if line.plain.strip()]


def heard(text: str, stable: int, utterance: int = 1) -> TranscriptInterim:
    return TranscriptInterim(utterance=utterance, start=0.0, end=1.0, text=text, stable=stable)


def styles(line: object, part: str) -> set[str]:
    """Styles that lie on a part of a line."""
    at = line.plain.index(part)  # type: ignore[attr-defined]
    return {str(span.style) for span in line.spans if span.start <= at < span.end}  # type: ignore[attr-defined]


def test_words_that_are_not_settled_are_grey_and_those_of_an_utterance_that_is_over_are_dim() -> None:
    """A new utterance never stands beside bright words of the one before."""
    started = [SpeechStarted(seq=n, utterance=n, start=0.0) for n in (1, 2)]
    [line] = panel(started[0], heard("told you twice", 8))
    assert styles(line, "told") == set() and styles(line, "twice") == {"dim italic"}
    [line] = panel(started[0], heard("told you twice", 8), started[1])
    assert styles(line, "told") == styles(line, "twice") == {"dim"}


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("Donaudampfschifffahrtsgesellschaftskapitän", 2),
        ("我告诉过你两次了不要再这样做", 2),
        ("سلام حال شما چطور است", 1),
    ],
)
def test_long_words_and_wide_signs_are_broken_within_the_panel(text: str, rows: int) -> None:
    """None is cut off, none stands over the edge."""
    lines = panel(SpeechStarted(seq=1, utterance=1, start=0.0), heard(text, len(text)))
    assert len(lines) == rows and all(line.cell_len <= 24 for line in lines)  # type: ignore[attr-defined]
    assert "".join(line.plain for line in lines).replace(" ", "") == text.replace(" ", "")  # type: ignore[attr-defined]
