"""A live session on a virtual clock: which speech a slow model loses, and how long a session takes to finish."""

import threading
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from emoscope.streamer import Config, Session, VadConfig
from emoscope.streamer.protocol.events import (
    AnyEvent,
    EmotionFinal,
    EmotionInterim,
    SessionClosed,
    SpeechEnded,
    Status,
    WarningEvent,
)
from emoscope.streamer.runtime.live_session import FINISH_TIMEOUT_S, STOP_TIMEOUT_S, LiveSession
from emoscope.streamer.session.requests import Request, Result
from emoscope.streamer.testing import CONTRACT, FakeClock, FakeEngine, silence, voice

BLOCK = 800  # samples, 50 ms
LIMIT_S = 120.0  # for what must happen sooner or later; no test passes or fails by it


class HeldEngine(FakeEngine):
    """Begins a batch and then waits until it is released."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.released = threading.Event(), threading.Event()

    def __call__(self, requests: Sequence[Request]) -> list[Result]:
        self.begun.set()
        assert self.released.wait(LIMIT_S)
        return super().__call__(requests)


class Listener:
    """A live session that is fed block by block, with a clock that goes on with the audio."""

    def __init__(self, engine: HeldEngine, **options: Any) -> None:
        self.engine, self.clock = engine, FakeClock()
        self.events: list[AnyEvent] = []
        self.session = Session(CONTRACT, Config(transcript=False, vad=VadConfig(backend="webrtc")))
        self.at = LiveSession(self.session, engine, self.events.append, lambda: 0.0, clock=self.clock, **options)

    def listen(self, audio: np.ndarray) -> None:
        for start in range(0, len(audio), BLOCK):
            self.clock.sleep(BLOCK / 16_000)
            self.at.step(self.session.feed(audio[start : start + BLOCK]))
            if self.session.pending():  # the first request is begun before a second one is queued
                assert self.engine.begun.wait(LIMIT_S)
            self.at.shed()
            self.at.status()

    def catch_up(self) -> None:
        while self.session.pending():
            self.at.wait(LIMIT_S)
            self.at.collect()

    def finish(self) -> None:
        self.at.finish(lambda: False)
        self.at.close()

    def warnings(self, code: str) -> list[WarningEvent]:
        return [event for event in self.events if isinstance(event, WarningEvent) and event.code == code]


@pytest.fixture
def engine() -> Iterator[HeldEngine]:
    made = HeldEngine()
    yield made
    made.released.set()


def spans(warnings: Sequence[WarningEvent]) -> list[tuple[float, float]]:
    found = [(w.start, w.end) for w in warnings if w.start is not None and w.end is not None]
    assert len(found) == len(warnings)
    return found


def test_a_slow_model_loses_interims_first_and_then_the_oldest_speech(engine: HeldEngine) -> None:
    """Behind by 2 s interims are skipped; behind by 10 s the windows older than that are dropped, and no others.

    The model holds its first window until 14 s of speech were received. The speech older than 4 s is lost then, window
    after window as each became too old; what is younger is read as soon as the model goes on.
    """
    listener = Listener(engine)
    listener.listen(np.concatenate([silence(0.5), voice(13.5)]))
    [lagging] = listener.warnings("lagging")
    dropped = listener.warnings("audio_dropped")
    assert listener.events.index(lagging) < listener.events.index(dropped[0])
    assert lagging.start is not None and 2.0 < lagging.start < 3.5
    lost = spans(dropped)
    assert len(lost) == 4
    assert lost[0][0] == pytest.approx(0.5, abs=0.1)
    assert all(end == start for (_, end), (start, _) in pairwise(lost))
    youngest_lost, oldest_kept = lost[-1]
    assert youngest_lost < 14.0 - 10.0 <= oldest_kept
    assert not [event for event in listener.events if isinstance(event, EmotionInterim)]

    engine.released.set()
    listener.catch_up()
    listener.listen(silence(1.0))
    listener.finish()
    assert listener.warnings("audio_dropped") == dropped
    [final] = [event for event in listener.events if isinstance(event, EmotionFinal)]
    assert final.segments == len([s for s in np.arange(oldest_kept, final.end, 0.8) if s < final.end])
    closed = listener.events[-1]
    assert isinstance(closed, SessionClosed)
    assert closed.totals.dropped_s == pytest.approx(sum(end - start for start, end in lost))


def test_a_model_that_keeps_up_loses_nothing(engine: HeldEngine) -> None:
    engine.released.set()
    listener = Listener(engine)
    for piece in np.array_split(np.concatenate([silence(0.5), voice(13.5), silence(1.0)]), 60):
        listener.listen(piece)
        listener.catch_up()
    listener.finish()
    assert listener.warnings("lagging") == listener.warnings("audio_dropped") == []
    assert [event.audio_s for event in listener.events if isinstance(event, Status)] == pytest.approx(
        range(1, 16), abs=0.3
    )
    assert len([event for event in listener.events if isinstance(event, EmotionInterim)]) > 20


@pytest.mark.parametrize(("stopped", "limit_s"), [(True, STOP_TIMEOUT_S), (False, FINISH_TIMEOUT_S)])
def test_a_model_that_hangs_is_given_up_when_the_time_to_finish_is_over(
    engine: HeldEngine, stopped: bool, limit_s: float
) -> None:
    """Every utterance still has its final, and what was not read is reported from where to where."""
    listener = Listener(engine)
    listener.listen(np.concatenate([silence(0.5), voice(2.5)]))
    began = listener.clock.now()

    def ask() -> bool:
        listener.clock.sleep(limit_s / 10)
        return stopped

    listener.at.finish(ask)
    assert listener.clock.now() - began == pytest.approx(limit_s, rel=0.3)
    [(start, end)] = spans(listener.warnings("audio_dropped"))
    assert start == pytest.approx(0.5, abs=0.1) and end == pytest.approx(3.0)
    kinds = [type(event) for event in listener.events]
    assert kinds.count(SpeechEnded) == kinds.count(EmotionFinal) == 1
    assert kinds[-1] is SessionClosed


def test_a_recording_waits_for_its_model_however_long_it_takes(engine: HeldEngine) -> None:
    listener = Listener(engine, lossless=True)
    listener.at.step(listener.session.feed(voice(3.0)))
    assert not listener.at.may_read_on
    polls = 0

    def ask() -> bool:
        nonlocal polls
        polls += 1
        listener.clock.sleep(1000.0)
        if polls == 3:
            engine.released.set()
        return False

    listener.at.finish(ask)
    assert polls >= 3 and listener.warnings("audio_dropped") == []
    assert isinstance(listener.events[-1], SessionClosed)
    assert listener.events[-1].totals.dropped_s == 0.0


def test_a_stop_ends_the_wait_of_a_recording_too(engine: HeldEngine) -> None:
    listener = Listener(engine, lossless=True)
    listener.at.step(listener.session.feed(voice(3.0)))

    def ask() -> bool:
        listener.clock.sleep(1.0)
        return listener.clock.now() > 10.0

    listener.at.finish(ask)
    assert 10.0 < listener.clock.now() < 15.0
    assert len(listener.warnings("audio_dropped")) == 1
