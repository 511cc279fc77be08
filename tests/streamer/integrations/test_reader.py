"""A voice that is read beside an event loop: the finals of a recording, and a host that goes on whatever breaks."""

import asyncio
import threading
from typing import Any

import numpy as np
from fed_voice import CONFIG, RATE, TALK, frames, options, until

from emoscope.streamer.integrations import EmotionReader
from emoscope.streamer.integrations import reader as reader_module
from emoscope.streamer.protocol.events import EmotionFinal, Event, SessionClosed, SpeechEnded
from emoscope.streamer.session.requests import Read
from emoscope.streamer.session.session import Session
from emoscope.streamer.testing import CONTRACT, FakeEngine, differences, run, silence, voice


class Heard:
    """What a reader reports."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.problems: list[str] = []

    def reader(self, **changes: Any) -> EmotionReader:
        return EmotionReader(options(**changes), self.events.append, self.problems.append)

    @property
    def finals(self) -> list[Event]:
        return [event for event in self.events if isinstance(event, EmotionFinal)]


def expected_finals(audio: Any = TALK) -> list[Event]:
    """Those of the same 16-bit samples through the session alone."""
    whole = np.frombuffer(b"".join(frames(audio)), np.int16)
    return [event for event in run(Session(CONTRACT, CONFIG), FakeEngine(), [whole]) if isinstance(event, EmotionFinal)]


def test_fed_frames_give_the_finals_of_a_recording() -> None:
    """All events come in the loop's own thread, and the last one closes the session."""
    heard, threads = Heard(), set[int]()

    async def host() -> None:
        def on_event(event: Any) -> None:
            heard.events.append(event)
            threads.add(threading.get_ident())

        reader = EmotionReader(options(), on_event)
        for frame in frames(TALK):
            reader.feed(frame, RATE)
        await reader.finish()
        assert not reader.alive

    asyncio.run(host())
    assert differences(heard.finals, expected_finals()) == []
    assert len(heard.finals) == 2 and isinstance(heard.events[-1], SessionClosed)
    assert threads == {threading.get_ident()}


def test_feeding_never_waits_for_a_model_that_loads() -> None:
    """The audio waits in the queue; once the model is there, nothing of it is missing."""
    heard, loaded = Heard(), threading.Event()

    def load() -> Any:
        assert loaded.wait(60)
        return CONTRACT, FakeEngine()

    async def host() -> None:
        reader = heard.reader(load=load)
        for frame in frames(TALK):
            reader.feed(frame, RATE)
        assert heard.events == []
        loaded.set()
        await reader.finish()

    asyncio.run(host())
    assert differences(heard.finals, expected_finals()) == []


def test_a_voice_that_stops_in_mid_utterance_has_ended_it() -> None:
    """Muted, or gone without a word: the final comes although no more frames do."""
    heard = Heard()

    async def host() -> None:
        reader = heard.reader()
        for frame in frames(np.concatenate([silence(0.5), voice(2.0)])):
            reader.feed(frame, RATE)
        await until(lambda: heard.finals)
        assert next(event for event in heard.events if isinstance(event, SpeechEnded)).reason == "flush"
        for frame in frames(TALK):  # it comes back
            reader.feed(frame, RATE)
        await reader.finish()

    asyncio.run(host())
    assert len(heard.finals) == 3


def test_a_flush_ends_the_utterance_at_once() -> None:
    """The final comes before any silence was heard."""
    heard = Heard()

    async def host() -> None:
        reader = heard.reader()
        for frame in frames(np.concatenate([silence(0.5), voice(2.0)])):
            reader.feed(frame, RATE)
        await until(lambda: any(event.type == "emotion.interim" for event in heard.events))
        reader.flush()
        await until(lambda: heard.finals)
        reader.stop()

    asyncio.run(host())
    assert heard.problems == []


def test_a_model_that_is_not_there_is_one_line_and_the_host_goes_on(monkeypatch: Any) -> None:
    """Nothing is raised, however many frames follow, and finishing does not wait."""
    heard = Heard()

    async def host() -> None:
        reader = heard.reader(load=None, model="no/such model")
        reader.prepare()
        for frame in frames(TALK):
            reader.feed(frame, RATE)
        await until(lambda: not reader.alive)
        reader.feed(frames(TALK)[0], RATE)
        await reader.finish()

    asyncio.run(host())
    assert len(heard.problems) == 1
    assert "no such" in heard.problems[0].lower() or "no/such" in heard.problems[0]
    assert "goes on" in heard.problems[0]


class Broken(FakeEngine):
    """Raises at the first reading of each of its lives, so many times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.left = times

    def __call__(self, requests: Any) -> Any:
        if self.left and any(isinstance(request, Read) for request in requests):
            self.left -= 1
            raise RuntimeError("the engine died")
        return super().__call__(requests)


def test_after_an_engine_that_died_another_session_reads_on() -> None:
    """What the first one had not read is lost, and told in one line; what is said afterwards is read."""
    heard = Heard()

    async def host() -> None:
        reader = heard.reader(engine=Broken(2))  # a batch that fails is tried once more
        for frame in frames(TALK):
            reader.feed(frame, RATE)
        await until(lambda: any("a new session" in line for line in heard.problems))
        for frame in frames(TALK):
            reader.feed(frame, RATE)
        await reader.finish()

    asyncio.run(host())
    assert differences(heard.finals[-2:], expected_finals()) == []


def test_an_engine_that_always_dies_ends_the_reading_and_nothing_else() -> None:
    """After some sessions the reader stays silent; feeding it is still allowed."""
    heard = Heard()

    async def host() -> None:
        reader = heard.reader(engine=Broken(1_000))
        for _ in range(1_000):
            for frame in frames(TALK):
                reader.feed(frame, RATE)
            await asyncio.sleep(0.05)
            if not reader.alive:
                break
        assert not reader.alive
        reader.feed(frames(TALK)[0], RATE)
        await reader.finish()

    asyncio.run(host())
    assert any("goes on" in line for line in heard.problems)
    assert sum("a new session" in line for line in heard.problems) == reader_module.RESTARTS


def test_a_mistake_in_the_hosts_own_callback_ends_no_reading() -> None:
    """It is told once, and every other event still comes."""
    problems: list[str] = []
    seen: list[Any] = []

    async def host() -> None:
        def on_event(event: Any) -> None:
            seen.append(event)
            raise ValueError("the host's own")

        reader = EmotionReader(options(), on_event, problems.append)
        for frame in frames(TALK):
            reader.feed(frame, RATE)
        await reader.finish()

    asyncio.run(host())
    assert sum(isinstance(event, EmotionFinal) for event in seen) == 2
    assert len(problems) == 1


def test_stopping_waits_for_nothing_and_no_event_follows() -> None:
    """As where a pipeline is cancelled."""
    heard = Heard()

    async def host() -> None:
        reader = heard.reader()
        for frame in frames(TALK):
            reader.feed(frame, RATE)
        reader.stop()
        count = len(heard.events)
        await reader.finish()
        assert len(heard.events) == count

    asyncio.run(host())


def test_stopping_ends_a_finish_that_waits() -> None:
    """A pipeline may be cancelled while it ends: nothing is raised at the host, and it does not wait on."""

    async def host() -> None:
        reader = Heard().reader(finish_s=3_600.0)
        reader.feed(frames(TALK)[0], RATE)
        finishing = asyncio.ensure_future(reader.finish())
        await asyncio.sleep(0)
        reader.stop()
        await asyncio.wait_for(finishing, 10)

    asyncio.run(host())
