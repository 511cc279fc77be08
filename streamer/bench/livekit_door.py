"""The LiveKit doors: a recognizer that hears no words, wrapped, and the same behind an agent's `stt_node`."""

import asyncio
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable
from typing import Any

from livekit import rtc
from livekit.agents import stt
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, APIConnectOptions

from ..integrations.livekit import EmotionSTT, with_emotions
from ..protocol.errors import UsageError
from ..protocol.events import EmotionFinal
from .doors import LOSSLESS, Passed, Sound, paced_blocks


class Deaf(stt.STT):
    """A recognizer without any words: it notes when each audio frame comes, and says one thing at the end."""

    def __init__(self) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=True, interim_results=False))
        self.times: list[float] = []

    def stream(self, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS, **options: Any) -> "DeafStream":
        """A stream that notes its frames here."""
        return DeafStream(stt=self, conn_options=conn_options)

    async def _recognize_impl(self, buffer: Any, **options: Any) -> stt.SpeechEvent:
        raise UsageError("only streams are measured")


class DeafStream(stt.RecognizeStream):
    """See `Deaf`."""

    async def _run(self) -> None:
        owner = self._stt
        assert isinstance(owner, Deaf)
        async for item in self._input_ch:
            if isinstance(item, rtc.AudioFrame):
                owner.times.append(time.perf_counter())
        said = stt.SpeechData(language="en", text="the end")
        self._event_ch.send_nowait(stt.SpeechEvent(stt.SpeechEventType.FINAL_TRANSCRIPT, alternatives=[said]))


def read(sound: Sound, speed: float) -> Passed:
    """The sound through a stream of `EmotionSTT`."""
    return asyncio.run(_stream(sound, speed, reading=True))


def pass_on(sound: Sound, speed: float) -> Passed:
    """The same through a stream of the recognizer alone."""
    return asyncio.run(_stream(sound, speed, reading=False))


def read_node(sound: Sound, speed: float) -> Passed:
    """The sound through `with_emotions`, around a node that streams."""
    return asyncio.run(_node(sound, speed, reading=True))


def pass_on_node(sound: Sound, speed: float) -> Passed:
    """The same through the node alone."""
    return asyncio.run(_node(sound, speed, reading=False))


async def _stream(sound: Sound, speed: float, *, reading: bool) -> Passed:
    deaf, finals, sent = Deaf(), list[EmotionFinal](), list[float]()
    wrapped = EmotionSTT(deaf, LOSSLESS, on_reading=_finals_into(finals)) if reading else deaf
    async with wrapped.stream() as stream:
        async for frame in _frames(sound, speed, sent):
            stream.push_frame(frame)
        stream.end_input()
        async for _ in stream:
            pass
    return _passed(finals, sent, deaf)


async def _node(sound: Sound, speed: float, *, reading: bool) -> Passed:
    deaf, finals, sent = Deaf(), list[EmotionFinal](), list[float]()

    async def node(audio: AsyncIterable[rtc.AudioFrame]) -> AsyncIterator[stt.SpeechEvent]:
        async with deaf.stream() as stream:

            async def forward() -> None:
                async for frame in audio:
                    stream.push_frame(frame)
                stream.end_input()

            forwarding = asyncio.create_task(forward())
            async for event in stream:
                yield event
            await forwarding

    frames = _frames(sound, speed, sent)
    async for _ in with_emotions(frames, node, LOSSLESS, on_reading=_finals_into(finals)) if reading else node(frames):
        pass
    return _passed(finals, sent, deaf)


async def _frames(sound: Sound, speed: float, sent: list[float]) -> AsyncIterator[rtc.AudioFrame]:
    async for block in paced_blocks(sound, speed):
        sent.append(time.perf_counter())
        yield rtc.AudioFrame(block, sound.rate, 1, len(block) // 2)


def _finals_into(finals: list[EmotionFinal]) -> Callable[[Any], None]:
    def keep(event: Any) -> None:
        if isinstance(event, EmotionFinal):
            finals.append(event)

    return keep


def _passed(finals: list[EmotionFinal], sent: list[float], deaf: Deaf) -> Passed:
    # What is pushed last, before the input ends, may be a silence of the framework's own.
    return Passed(finals, [there - here for here, there in zip(sent, deaf.times, strict=True)])
