"""What stands on the screen: the headline, the strip, messages, the summary and the words."""

import pytest
from msgspec.structs import replace

from emoscope.streamer.display import ScreenState, draw, panels, timeline
from emoscope.streamer.display.screenshot import text_of
from emoscope.streamer.display.summary import summary
from emoscope.streamer.protocol.events import (
    EmotionFinal,
    EmotionInterim,
    Error,
    SpeechStarted,
    TranscriptInterim,
    WarningEvent,
)
from emoscope.streamer.runtime.updates import Meter, Notice

from . import made_record
from .made_frames import frame, state_at


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
    spans = panels.bars(state, 40, 9)[0].spans
    assert spans and not any(span.style.dim for span in spans)  # type: ignore[union-attr]


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


def interim(text: str, stable: int, utterance: int = 1) -> TranscriptInterim:
    return TranscriptInterim(utterance=utterance, start=0.0, end=1.0, text=text, stable=stable)


def styles(line: object, part: str) -> set[str]:
    """Styles that lie on a part of a line."""
    at = line.plain.index(part)  # type: ignore[attr-defined]
    return {str(span.style) for span in line.spans if span.start <= at < span.end}  # type: ignore[attr-defined]


def test_words_that_are_not_stable_are_grey_and_those_of_an_ended_utterance_are_dim() -> None:
    """A new utterance never stands beside bright words of the one before."""
    started = [SpeechStarted(seq=n, utterance=n, start=0.0) for n in (1, 2)]
    [line] = panel(started[0], interim("told you twice", 8))
    assert styles(line, "told") == set() and styles(line, "twice") == {"dim italic"}
    [line] = panel(started[0], interim("told you twice", 8), started[1])
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
    lines = panel(SpeechStarted(seq=1, utterance=1, start=0.0), interim(text, len(text)))
    assert len(lines) == rows and all(line.cell_len <= 24 for line in lines)  # type: ignore[attr-defined]
    assert "".join(line.plain for line in lines).replace(" ", "") == text.replace(" ", "")  # type: ignore[attr-defined]
