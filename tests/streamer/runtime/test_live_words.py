"""A live session with a recognizer's real process: late transcripts are left out, and faults disable transcription."""

import numpy as np
import pytest
from odd_worker import exited, odd_recognizer
from waiting import wait_until

from emoscope.streamer import Config
from emoscope.streamer.protocol.events import EmotionFinal, SessionCreated, TranscriptFinal, WarningEvent
from emoscope.streamer.runtime.live import RECOGNIZER_LOAD_TIMEOUT_S, Live
from emoscope.streamer.sources.microphone import QUEUE_S
from emoscope.streamer.testing import CONTRACT, FakeEngine, FakeSource, silence, voice

TALK = np.concatenate([voice(2.0), silence(1.0), voice(1.5, 200.0, seed=3), silence(1.0)])


LIMIT_S = 280.0  # for what must happen sooner or later; no test passes or fails by it


def events_of(how, *, lossless=False, source=None, **options):
    def start():
        return odd_recognizer(how)

    live = Live(
        source or FakeSource(TALK, pause_s=0.004),
        lambda: (CONTRACT, FakeEngine()),
        Config(**options),
        lossless=lossless,
        start_recognizer=start,
        recognizer_load_timeout_s=LIMIT_S,
    )
    live.start()
    assert live.join(LIMIT_S)
    events = [item for item in live.updates() if hasattr(item, "type")]
    assert live.error is None
    return events


# A pass of "late" takes 2 s; one that may be waited for 30 s has all the time it needs, on any machine.
CASES = [
    ("late", False, 0.3, "timeout"),
    ("late", True, 0.3, "used"),
    ("answers", True, 0.3, "used"),
    ("answers", False, 30.0, "used"),
    ("raises", False, 30.0, "off"),
]


@pytest.mark.parametrize(("how", "lossless", "text_wait_s", "text"), CASES)
def test_a_live_session_with_words_has_every_final(how, lossless, text_wait_s, text):
    """Late words are not waited for; a recording waits; what breaks disables transcription."""
    events = events_of(how, lossless=lossless, text_wait_s=text_wait_s)
    finals = [e for e in events if isinstance(e, EmotionFinal)]
    assert [f.text for f in finals] == [text] * 2
    assert len([e for e in events if isinstance(e, TranscriptFinal)]) == 2
    warnings = [e.code for e in events if isinstance(e, WarningEvent) and e.code == "text_disabled"]
    assert warnings == (["text_disabled"] if how == "raises" else [])
    assert events[-1].type == "session.closed" and events[-1].totals.dropped_s == 0


def test_a_recognizer_that_cannot_be_loaded_gives_a_warning_and_emotions_go_on():
    """The effective config has no transcript."""
    events = events_of("dies loading")
    assert isinstance(events[0], SessionCreated) and events[0].config.transcript is False
    assert events[1].code == "text_disabled" and "signal 9" in events[1].message
    assert [e.text for e in events if isinstance(e, EmotionFinal)] == ["off", "off"]


def test_a_recognizer_that_is_not_loaded_in_time_is_left_out_before_any_audio_is_lost():
    """A source keeps some seconds while nobody reads it; the time that it has kept audio already counts."""
    source = FakeSource(TALK)
    source.waiting_s = RECOGNIZER_LOAD_TIMEOUT_S
    live = Live(
        source,
        lambda: (CONTRACT, FakeEngine()),
        Config(),
        start_recognizer=lambda: odd_recognizer("hangs loading"),
    )
    live.start()
    assert live.join(LIMIT_S) and live.error is None
    events = [item for item in live.updates() if hasattr(item, "type")]
    codes = [e.code for e in events if isinstance(e, WarningEvent)]
    assert codes[0] == "text_disabled" and "audio_dropped" not in codes
    assert len([e for e in events if isinstance(e, EmotionFinal)]) == 2


def test_what_a_microphone_keeps_is_more_than_a_recognizer_may_take_to_load():
    assert RECOGNIZER_LOAD_TIMEOUT_S < QUEUE_S


def test_stopping_does_not_wait_for_a_recognizer_that_loads_for_ever():
    """Whoever presses `q` is not kept, and no process stays behind."""
    started = []

    def start():
        started.append(odd_recognizer("hangs loading"))
        return started[0]

    live = Live(FakeSource(TALK, then="silence"), lambda: (CONTRACT, FakeEngine()), Config(), start_recognizer=start)
    live.start()
    wait_until(lambda: started)
    live.stop()
    assert live.join(LIMIT_S) and live.error is None
    assert exited(started[0].pid)
