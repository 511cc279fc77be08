"""What the screen's state makes of news: nothing twice, and nothing of before a reset."""

from emoscope.streamer.display import ScreenState, draw
from emoscope.streamer.display.screenshot import text_of
from emoscope.streamer.display.summary import summary
from emoscope.streamer.protocol.events import Enrolled, Mood, TranscriptInterim, WarningEvent
from emoscope.streamer.runtime.updates import Meter, Notice


def test_what_was_dropped_is_counted_once() -> None:
    """Speech that the model dropped is told and is in the counts; the footer and the summary add it once."""
    state = ScreenState()
    state.apply(WarningEvent(code="audio_dropped", message="the model is too slow", start=1.0, end=3.0))
    state.apply(Meter(10.0, (), 0.1, 2.0, False))
    assert "dropped 2.0 s" in text_of(draw(state, 120, 24))
    assert "dropped 2.0 s" in summary(state, [])[3]
    state.apply(Meter(11.0, (), 0.1, 2.0, False, 1.5))
    assert "dropped 3.5 s" in summary(state, [])[3]


def mood(start: float, end: float) -> Mood:
    return Mood(
        seq=1, start=start, end=end, half_life_s=60, label="sad", confidence=0.6, scores={"sad": 0.6}, dimensions={}
    )


def test_a_mood_from_before_a_reset_does_not_come_back() -> None:
    """A reset in mid-speech ends an utterance whose mood comes after it: that one is not shown, the next one is."""
    state = ScreenState()
    state.apply(Meter(5.0, (), 0.1, 0.0, False))
    state.apply(mood(1.0, 4.0))
    state.reset()
    state.apply(mood(1.0, 5.0))
    assert state.mood is None
    state.apply(mood(6.0, 8.0))
    assert state.mood is not None


def test_a_file_that_ended_is_not_said_to_be_written() -> None:
    """When the disk is full the header names the record no more, and the summary says that it was cut."""
    files = ["out.jsonl", "out.wav"]
    state = ScreenState(files=files)
    state.apply(Notice("out.jsonl: the record stops here", serious=True, ended="out.jsonl"))
    assert "rec out.wav" in text_of(draw(state, 120, 24))
    assert files == ["out.jsonl", "out.wav"]
    assert summary(state, files)[4] == "written: out.jsonl (cut short), out.wav"


def test_the_screen_says_how_much_calm_speech_is_still_wanted() -> None:
    """While a voice is learnt the message counts; when it is known that is said instead."""
    state = ScreenState()
    state.apply(Meter(5.0, (), 0.1, 0.0, False, enrollment=(4.2, 10.0)))
    assert "4 of 10 s" in text_of(draw(state, 80, 24))
    state.apply(Enrolled(seconds=10.4))
    assert "your calm voice was learnt" in text_of(draw(state, 80, 24))


def test_words_cannot_steer_the_terminal() -> None:
    """The text of a record or a server may hold control characters; the stable text keeps its length."""
    state = ScreenState()
    state.apply(TranscriptInterim(utterance=1, start=0.0, end=1.0, text="so \x1b[2Jgone", stable=4))
    shown = text_of(draw(state, 160, 24))
    assert "gone" in shown and "\x1b" not in shown
