"""The wrapped recognizer and the node, in the installed LiveKit Agents, without a network."""

import asyncio
import contextlib
from collections.abc import AsyncIterable, AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fed_voice import RATE, frames, options, until
from frameworks import need, run_demo

need("livekit-agents")

from livekit import rtc
from livekit.agents import Agent, AgentSession, stt
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, APIConnectOptions
from livekit.agents.voice import io

from emoscope.streamer.bench import livekit_door
from emoscope.streamer.bench.integrations import finals_of, sound_of
from emoscope.streamer.integrations import livekit as livekit_module
from emoscope.streamer.integrations.livekit import EmotionSTT, with_emotions
from emoscope.streamer.protocol.errors import UsageError
from emoscope.streamer.protocol.events import EmotionFinal
from emoscope.streamer.session.requests import Read
from emoscope.streamer.testing import FakeEngine, differences, silence, voice

LOUD = 300  # of 16 bits
PAUSE = 15  # frames of 20 ms


class Ear(stt.STT):
    """A recognizer that hears only where somebody speaks: "word" after each stretch of sound, with metadata."""

    def __init__(self, *, streaming: bool = True, metadata: dict[str, Any] | None = None) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=streaming, interim_results=True))
        self.metadata, self.frames = metadata, 0
        self.flushed, self.prewarmed = 0, False

    def stream(self, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS, **others: Any) -> "EarStream":
        return EarStream(stt=self, conn_options=conn_options)

    def prewarm(self) -> None:
        self.prewarmed = True

    async def _recognize_impl(self, buffer: Any, **others: Any) -> stt.SpeechEvent:
        return self.event(stt.SpeechEventType.FINAL_TRANSCRIPT)

    def event(self, kind: stt.SpeechEventType) -> stt.SpeechEvent:
        said = stt.SpeechData(language="en", text="word", metadata=self.metadata)  # type: ignore[arg-type]
        return stt.SpeechEvent(kind, alternatives=[said])


class EarStream(stt.RecognizeStream):
    async def _run(self) -> None:
        ear, heard, quiet = self._stt, False, 0
        assert isinstance(ear, Ear)
        send, kinds = self._event_ch.send_nowait, stt.SpeechEventType
        async for item in self._input_ch:
            if not isinstance(item, rtc.AudioFrame):
                ear.flushed += 1
                continue
            ear.frames += 1
            loud = bool(np.abs(np.frombuffer(item.data, np.int16)).max() > LOUD)
            quiet = 0 if loud else quiet + 1
            if loud and not heard:
                heard = True
                send(stt.SpeechEvent(kinds.START_OF_SPEECH))
            if heard and quiet == PAUSE:
                heard = False
                send(ear.event(kinds.INTERIM_TRANSCRIPT))
                send(ear.event(kinds.FINAL_TRANSCRIPT))
                send(stt.SpeechEvent(kinds.END_OF_SPEECH))
        if heard:
            send(ear.event(kinds.FINAL_TRANSCRIPT))


def audio(frame: bytes, rate: int = RATE) -> rtc.AudioFrame:
    return rtc.AudioFrame(frame, rate, 1, len(frame) // 2)


PARTS = [silence(0.5), voice(2.0), silence(1.0), voice(2.0, pitch_hz=220.0, seed=1), silence(1.0)]


async def spoken(readings: list[Any] | None) -> AsyncIterator[rtc.AudioFrame]:
    """Two utterances. A real voice takes its time, so after each the readings of it are waited for, where there are
    any: no recognizer is so fast that it has the words before."""
    for place, part in enumerate(PARTS):
        for frame in frames(part):
            yield audio(frame)
            await asyncio.sleep(0)
        if readings is not None and place in (1, 3):
            number = (place + 1) // 2
            await until(partial(_read_of, readings, number))


def _read_of(readings: list[Any], number: int) -> bool:
    return any(event.utterance == number for event in readings)


async def events_of(wrapped: stt.STT, readings: list[Any] | None = None) -> list[stt.SpeechEvent]:
    """Everything that a stream says of two utterances."""
    async with wrapped.stream() as stream:
        async for frame in spoken(readings):
            stream.push_frame(frame)
        stream.end_input()
        return [event async for event in stream]


def heard_by(ear: "Ear") -> list[stt.SpeechEvent]:
    """The same of a recognizer whose voice is read, and whose transcripts wait for their finals."""
    readings: list[Any] = []
    wrapper = EmotionSTT(ear, options(), wait_s=120.0, on_reading=readings.append)
    return asyncio.run(events_of(wrapper, readings))


def transcripts(events: list[stt.SpeechEvent]) -> list[stt.SpeechData]:
    return [event.alternatives[0] for event in events if event.type is stt.SpeechEventType.FINAL_TRANSCRIPT]


@pytest.mark.parametrize("door", ["read", "read_node"])
def test_the_demo_recording_gives_the_finals_of_a_replay(door: str, conversation: Path) -> None:
    """With the shipped model in its own process, through the wrapper and through the node."""
    sound = sound_of(conversation)
    passed = getattr(livekit_door, door)(sound, 16.0)
    assert differences(passed.finals, finals_of(sound)) == []
    assert len(passed.finals) >= 15


def test_a_final_transcript_says_how_the_voice_sounded() -> None:
    """The turn's final, and the labels in the place and order that other recognizers use."""
    said = transcripts(heard_by(Ear()))
    assert len(said) == 2
    for one in said:
        assert one.metadata is not None
        emotion, ranked = one.metadata["emotion"], one.metadata["voice_profile"]["emotion"]
        assert emotion["final"]
        assert [entry["confidence"] for entry in ranked] == sorted(emotion["scores"].values(), reverse=True)
        assert emotion["label"] == "unsure" or ranked[0]["label"] == emotion["label"]


def test_what_the_recognizer_itself_knew_stays() -> None:
    """Its own metadata and the rest of its voice profile."""
    known = {"request": 7, "voice_profile": {"age": [{"label": "adult", "confidence": 0.9}]}}
    said = transcripts(heard_by(Ear(metadata=known)))
    metadata = said[0].metadata
    assert metadata is not None
    assert metadata["request"] == 7 and metadata["voice_profile"]["age"] == known["voice_profile"]["age"]  # type: ignore[index]
    assert set(metadata["voice_profile"]) == {"age", "emotion"}
    assert known == {"request": 7, "voice_profile": {"age": [{"label": "adult", "confidence": 0.9}]}}


def test_a_transcript_waits_no_longer_than_it_may() -> None:
    """Then it has the newest interim, or nothing where nothing was read."""

    class Stuck(FakeEngine):
        def __call__(self, requests: Any) -> Any:
            return [answer for answer in super().__call__(requests) if not isinstance(answer, Read)]

    async def script() -> list[stt.SpeechEvent]:
        return await events_of(EmotionSTT(Ear(), options(Stuck(), finish_s=0.1), wait_s=0.0))

    said = transcripts(asyncio.run(script()))
    assert [one.text for one in said] == ["word", "word"]


def test_the_stream_has_the_reading_as_context_for_a_language_model() -> None:
    """With the caution that says what it is; the wrapper has the newest of all its streams."""

    async def script() -> None:
        readings: list[Any] = []
        wrapper = EmotionSTT(Ear(), options(), wait_s=120.0, on_reading=readings.append)
        async with wrapper.stream() as stream:
            async for frame in spoken(readings):
                stream.push_frame(frame)
            stream.end_input()
            async for _ in stream:
                pass
            context = stream.context
        assert context is not None and context.emotion == wrapper.latest
        line = context.emotion["description"]
        said = context.to_instructions()
        assert (said == "") if line is None else (said.endswith(f"(voice) {line}") and "guess" in said)
        speaker_context = getattr(stt, "SpeakerContext", None)
        assert speaker_context is None or isinstance(context, speaker_context)

    asyncio.run(script())


def test_readings_come_while_the_user_speaks() -> None:
    """Interims and finals, to whoever wants to show them."""
    readings: list[Any] = []
    asyncio.run(events_of(EmotionSTT(Ear(), options(), on_reading=readings.append)))
    assert {event.type for event in readings} == {"emotion.interim", "emotion.final"}
    assert sum(isinstance(event, EmotionFinal) for event in readings) == 2


def test_everything_else_is_the_wrapped_recognizers() -> None:
    """Audio, flushes, other events, warming up, and what it can do."""

    async def script() -> None:
        ear = Ear()
        wrapper = EmotionSTT(ear, options())
        wrapper.prewarm()
        assert ear.prewarmed and wrapper.wrapped_stt is ear
        assert wrapper.capabilities == ear.capabilities and wrapper.model == ear.model
        alone, events = await events_of(Ear()), await events_of(wrapper)
        assert [event.type for event in events] == [event.type for event in alone]
        assert ear.frames == sum(len(frames(part)) for part in PARTS)
        assert ear.flushed
        await wrapper.aclose()

    asyncio.run(script())


def test_a_recognizer_that_does_not_stream_is_refused_in_one_line() -> None:
    """It says what to put around it."""
    with pytest.raises(UsageError, match="StreamAdapter"):
        EmotionSTT(Ear(streaming=False), options())


def test_a_recognizer_that_fails_fails_as_it_would_alone() -> None:
    """The wrapper hides no error, and ends its own reading."""

    class Deaf(Ear):
        def stream(self, **others: Any) -> Any:
            return Failing(stt=self, conn_options=APIConnectOptions(max_retry=0))

    class Failing(stt.RecognizeStream):
        async def _run(self) -> None:
            raise ConnectionError("the recognizer is away")

    async def script() -> None:
        async with EmotionSTT(Deaf(), options()).stream() as stream:
            async for _ in stream:
                pass

    with pytest.raises(ConnectionError, match="away"):
        asyncio.run(script())


def test_an_engine_that_dies_is_one_line_and_words_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every transcript comes, without a reading where there is none."""
    lines: list[str] = []
    monkeypatch.setattr(livekit_module.logger, "warning", lambda form, *values: lines.append(form % values))

    class Dies(FakeEngine):
        def __call__(self, requests: Any) -> Any:
            if any(isinstance(request, Read) for request in requests):
                raise RuntimeError("the engine died")
            return super().__call__(requests)

    said = transcripts(asyncio.run(events_of(EmotionSTT(Ear(), options(Dies())))))
    assert [one.text for one in said] == ["word", "word"]
    assert any("the engine died" in line for line in lines)


def test_a_node_of_ones_own_has_readings_in_its_transcripts_too() -> None:
    """Strings and other events pass as they are."""

    async def node(sound: AsyncIterable[rtc.AudioFrame]) -> AsyncIterator[Any]:
        async with Ear().stream() as stream:

            async def forward() -> None:
                async for frame in sound:
                    stream.push_frame(frame)
                stream.end_input()

            forwarding = asyncio.create_task(forward())
            yield "a string"
            async for event in stream:
                yield event
            await forwarding

    async def script() -> list[Any]:
        readings: list[Any] = []
        read = with_emotions(spoken(readings), node, options(), wait_s=120.0, on_reading=readings.append)
        return [event async for event in read]

    events = asyncio.run(script())
    assert events[0] == "a string"
    said = transcripts(events[1:])
    assert len(said) == 2 and all(one.metadata is not None and one.metadata["emotion"]["final"] for one in said)


class Microphone(io.AudioInput):
    """What a room would be: two utterances, then silence until the session ends."""

    def __init__(self, readings: list[Any]) -> None:
        super().__init__(label="microphone")
        self._frames = spoken(readings)

    async def __anext__(self) -> rtc.AudioFrame:
        with contextlib.suppress(StopAsyncIteration):
            return await anext(self._frames)
        await asyncio.sleep(0.02)
        return audio(bytes(640))


class Listener(Agent):
    """An agent that looks at what its recognizer says, and may read the voice in its own node."""

    def __init__(self, readings: list[Any], *, by_node: bool) -> None:
        super().__init__(instructions="Listen.")
        self.readings, self.by_node = readings, by_node
        self.seen: list[Any] = []

    async def stt_node(self, sound: Any, model_settings: Any) -> Any:
        def default(tee: Any) -> Any:
            return Agent.default.stt_node(self, tee, model_settings)

        read = with_emotions(sound, default, options(), wait_s=120.0, on_reading=self.readings.append)
        async for event in read if self.by_node else default(sound):
            self.seen.append(event)
            yield event


@pytest.mark.parametrize("by_node", [False, True])
def test_an_agents_session_without_a_room_has_the_readings(by_node: bool) -> None:
    """The framework's own session, with a sound as its microphone."""

    async def script() -> list[stt.SpeechData]:
        readings: list[Any] = []
        agent = Listener(readings, by_node=by_node)
        wrapper = EmotionSTT(Ear(), options(), wait_s=120.0, on_reading=readings.append)
        session: Any = AgentSession(stt=Ear() if by_node else wrapper, turn_detection="manual")
        session.input.audio = Microphone(readings)
        await session.start(agent)
        await until(lambda: transcripts(agent.seen), "no transcript came")
        await session.aclose()
        return transcripts(agent.seen)

    said = asyncio.run(script())
    assert said[0].metadata is not None and said[0].metadata["emotion"]["final"]


def test_the_demo_reads_a_recording(conversation: Path, tmp_path: Path) -> None:
    """In under forty lines, a line for each utterance."""
    assert len(run_demo("livekit_agent.py", conversation, tmp_path)) >= 2
