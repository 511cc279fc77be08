"""Passes at a recognizer, live: what is late is given up, and emotions never wait longer than they may."""

import time
from pathlib import Path

import numpy as np
import pytest

from emoscope.streamer import Config
from emoscope.streamer.asr import Choice, Recognizer
from emoscope.streamer.protocol.events import EmotionFinal, SessionCreated, TranscriptFinal, WarningEvent
from emoscope.streamer.runtime.live import Live
from emoscope.streamer.runtime.words_line import WordsLine
from emoscope.streamer.session.requests import Done, Dropped, Late, Transcribe
from emoscope.streamer.session.transcript.hypothesis import Hypothesis
from emoscope.streamer.sources.microphone import WAIT_S
from emoscope.streamer.testing import CONTRACT, FakeEngine, FakeSource, silence, voice

ODD = str(Path(__file__).parent / "asr" / "odd_worker.py")
TALK = np.concatenate([voice(2.0), silence(1.0), voice(1.5, 200.0, seed=3), silence(1.0)])


class Slow:
    """Takes `seconds` a pass, and remembers which it took."""

    def __init__(self, seconds):
        self.seconds, self.taken = seconds, []

    def __call__(self, requests):
        self.taken += [request.id for request in requests]
        time.sleep(self.seconds * len(requests))
        return [Done(request.id, Hypothesis(), infer_ms=1e3 * self.seconds) for request in requests]


def asked(number, *, final=False, seconds=1.0, due_s=1.0):
    return Transcribe(number, 1, 0, int(due_s * 16_000), final, None, np.zeros(int(seconds * 16_000), np.int16))


def results_of(line, count, patience_s=60.0):
    found, began = [], time.monotonic()
    while len(found) < count and time.monotonic() - began < patience_s:
        line.settle(0.02)
        found += line.results()
    return found


def test_a_pass_that_is_late_is_given_up_and_its_answer_is_swallowed():
    """One result a request, whatever comes afterwards."""
    line = WordsLine(Slow(0.6), 0.1)
    line.submit([asked(1, final=True)], 1.0)
    assert results_of(line, 1) == [Late(1)] and not line.busy
    time.sleep(1.0)
    assert line.results() == []
    line.close()


def test_the_wait_counts_from_when_a_pass_was_due():
    """One that had to wait in the session has less time left, or none."""
    line = WordsLine(Slow(30.0), 20.0)
    line.submit([asked(1, final=True, due_s=1.0)], 40.0)
    assert results_of(line, 1) == [Late(1)]
    line.close()


def test_a_newer_interim_takes_the_place_of_one_that_was_not_begun():
    """And a final that of all of them, also of one that is being made."""
    slow = Slow(0.5)
    line = WordsLine(slow, 100.0)
    line.submit([asked(1)], 1.0)
    while not slow.taken:
        time.sleep(0.01)
    line.submit([asked(2)], 2.0)
    line.submit([asked(3)], 3.0)
    assert line.results() == [Dropped(2)]
    line.submit([asked(4, final=True)], 4.0)
    assert {result.id for result in line.results()} == {1, 3}
    [last] = results_of(line, 1)
    assert isinstance(last, Done) and last.id == 4 and slow.taken == [1, 4]
    line.close()


def test_what_would_come_too_late_is_not_begun():
    """A pass over no more audio took too long a moment ago; a shorter one may try."""
    slow = Slow(0.3)
    line = WordsLine(slow, 0.1)
    line.submit([asked(1, seconds=2.0)], 1.0)
    assert results_of(line, 1) == [Late(1)]
    time.sleep(0.6)
    line.results()
    line.submit([asked(2, seconds=3.0)], 2.0)
    line.submit([asked(3, seconds=3.0, final=True)], 2.0)
    assert set(line.results()) == {Dropped(2), Late(3)}
    line.submit([asked(4, seconds=1.0)], 3.0)
    assert line.busy and results_of(line, 1) == [Late(4)] and slow.taken == [1, 4]
    line.close()


def test_a_recording_waits_for_every_pass():
    """Nothing is skipped, nothing is late."""
    line = WordsLine(Slow(0.2), None)
    line.submit([asked(1), asked(2), asked(3, final=True)], 100.0)
    assert [result.id for result in results_of(line, 3)] == [1, 2, 3]
    line.close()


def heard(how, *, lossless=False, pause_s=0.004, **options):
    def start():
        return Recognizer(Choice(name="pocketsphinx"), command=(ODD, how))

    config = Config(**({"text_wait_s": 0.3} | options))
    live = Live(
        FakeSource(TALK, pause_s=pause_s), lambda: (CONTRACT, FakeEngine()), config, lossless=lossless, words=start
    )
    live.start()
    assert live.join(280.0)
    events = [item for item in live.news() if hasattr(item, "type")]
    assert live.error is None
    return events


CASES = [("late", False, "timeout"), ("late", True, "used"), ("answers", True, "used"), ("raises", False, "off")]


@pytest.mark.parametrize(("how", "lossless", "text"), CASES)
def test_a_live_session_with_words_has_every_final(how, lossless, text):
    """Late words are not waited for; a recording waits; what breaks turns words off."""
    events = heard(how, lossless=lossless)
    finals = [e for e in events if isinstance(e, EmotionFinal)]
    assert [f.text for f in finals] == [text] * 2
    assert len([e for e in events if isinstance(e, TranscriptFinal)]) == 2
    warnings = [e.code for e in events if isinstance(e, WarningEvent) and e.code == "text_disabled"]
    assert warnings == (["text_disabled"] if how == "raises" else [])
    assert events[-1].type == "session.closed" and events[-1].totals.dropped_s == 0


def test_a_recognizer_that_cannot_be_loaded_is_told_and_emotions_go_on():
    """The effective config has no transcript."""
    events = heard("dies loading")
    assert isinstance(events[0], SessionCreated) and events[0].config.transcript is False
    assert events[1].code == "text_disabled" and "signal 9" in events[1].message
    assert [e.text for e in events if isinstance(e, EmotionFinal)] == ["off", "off"]


class Waiting(FakeSource):
    """A microphone that has kept 7 s already, and keeps what comes; remembers how much it kept when first read."""

    def __init__(self, audio):
        self.since, self.kept_s = time.monotonic() - 7.0, None
        super().__init__(audio)

    @property
    def waiting_s(self):
        return time.monotonic() - self.since if self.kept_s is None else 0.0

    @waiting_s.setter
    def waiting_s(self, seconds):
        pass

    def read(self, timeout_s):
        self.kept_s = self.kept_s or self.waiting_s
        return super().read(timeout_s)


def test_nothing_that_is_said_meanwhile_is_lost_to_a_recognizer_that_loads():
    """A source keeps some seconds while nobody reads it: words are left out before it must let go of any."""
    source = Waiting(TALK)
    live = Live(
        source,
        lambda: (CONTRACT, FakeEngine()),
        Config(),
        words=lambda: Recognizer(Choice(name="pocketsphinx"), command=(ODD, "stuck loading")),
    )
    live.start()
    assert live.join(60.0) and live.error is None
    assert 7.0 <= source.kept_s < WAIT_S
    events = [item for item in live.news() if hasattr(item, "type")]
    codes = [e.code for e in events if isinstance(e, WarningEvent)]
    assert codes[0] == "text_disabled" and "audio_dropped" not in codes
    assert len([e for e in events if isinstance(e, EmotionFinal)]) == 2


def test_stopping_does_not_wait_for_a_recognizer_that_loads_for_ever():
    """Whoever presses `q` is not kept, and no process stays behind."""
    started = []

    def start():
        started.append(Recognizer(Choice(name="pocketsphinx"), command=(ODD, "stuck loading")))
        return started[0]

    live = Live(FakeSource(TALK, then="silence"), lambda: (CONTRACT, FakeEngine()), Config(), words=start)
    live.start()
    while not started:
        time.sleep(0.01)
    live.stop()
    assert live.join(10.0) and live.error is None
    assert started[0]._process.poll() is not None
