"""LiveKit Agents: any speech recognizer of an agent, and with it how the user sounded.

>>> session = AgentSession(stt=EmotionSTT(deepgram.STT()), llm=..., tts=...)      # doctest: +SKIP

`with_emotions` does the same for an agent that has an `stt_node` of its own. Tried with LiveKit Agents 1.6.10 to 2.x;
`INTEGRATIONS.md` has more.
"""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable
from dataclasses import replace
from typing import Any

from ..protocol.describe import CAUTION
from ..protocol.errors import UsageError
from .options import ReaderOptions
from .turn import Summary
from .turn_reader import WAIT_S, OnReading, TurnReader, nobody
from .versions import LIVEKIT, unknown_version, unusable

try:
    from livekit import rtc
    from livekit.agents import stt, utils
    from livekit.agents.log import logger
    from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, APIConnectOptions, NotGivenOr
    from pydantic import BaseModel
except ImportError as error:
    raise unusable(LIVEKIT, error) from None

FINAL = stt.SpeechEventType.FINAL_TRANSCRIPT
TRANSCRIPTS = (stt.SpeechEventType.INTERIM_TRANSCRIPT, stt.SpeechEventType.PREFLIGHT_TRANSCRIPT, FINAL)


class EmotionContext(BaseModel):
    """What a stream knows of how the speaker sounds, for the instructions of a language model.

    emotion  the newest reading, as `Turn.take` describes it; None before the first
    """

    emotion: dict[str, Any] | None = None

    def to_instructions(self) -> str:
        """The line for a language model, with what it is; "" where there is nothing to say."""
        line = None if self.emotion is None else self.emotion["description"]
        return f"{CAUTION}\n(voice) {line}" if line else ""


class EmotionSTT(stt.STT):
    """A recognizer that does what `wrapped` does; its transcripts also say how the voice sounded.

    wrapped        any streaming recognizer; one that does not stream goes into `stt.StreamAdapter` first
    options, more  model, device, config and so on, as `ReaderOptions` describes them
    wait_s         how long a final transcript may wait for the final reading of an utterance that has just ended
    on_reading     takes each `emotion.interim` and `emotion.final` while the user speaks

    In each transcript's `metadata`, `emotion` is the turn's reading, as `Turn.take` describes it, and
    `voice_profile["emotion"]` the labels with their probabilities, the likeliest first, and none where the reading is
    `unsure`. `latest` and the stream's `context` have the newest reading.
    """

    def __init__(
        self,
        wrapped: stt.STT,
        options: ReaderOptions | None = None,
        *,
        wait_s: float = WAIT_S,
        on_reading: OnReading = nobody,
        **more: Any,
    ) -> None:
        if not wrapped.capabilities.streaming:
            raise UsageError(
                f"{wrapped.label} does not stream: put stt.StreamAdapter(stt=..., vad=...) around it first"
            )
        super().__init__(capabilities=wrapped.capabilities)
        self._wrapped, self._wait_s, self._on_reading = wrapped, wait_s, on_reading
        self.options = replace(options or ReaderOptions(), **more)
        self.latest: Summary | None = None
        """The newest reading of any stream; for `on_user_turn_completed`."""
        if line := unknown_version(LIVEKIT):
            logger.warning("emoscope: %s", line)
        self._recognize_metrics_needed = False  # those of the wrapped one are passed on
        wrapped.on("metrics_collected", self._pass_metrics)

    @property
    def wrapped_stt(self) -> stt.STT:
        """The recognizer that hears the words."""
        return self._wrapped

    @property
    def model(self) -> str:
        """That of the wrapped one."""
        return str(self._wrapped.model)

    @property
    def provider(self) -> str:
        """That of the wrapped one."""
        return str(self._wrapped.provider)

    def stream(
        self,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    ) -> "EmotionStream":
        """A stream of the wrapped one, whose audio is read beside it."""
        turn = TurnReader(self.options, wait_s=self._wait_s, on_reading=self._on_reading, on_problem=_log)
        return EmotionStream(self, self._wrapped, turn, language, conn_options)

    async def aclose(self) -> None:
        """Stop passing on; the wrapped one belongs to whoever made it."""
        self._wrapped.off("metrics_collected", self._pass_metrics)

    def prewarm(self) -> None:
        """Warm the wrapped one."""
        self._wrapped.prewarm()

    def _update_session_keyterms(self, keyterms: list[str]) -> None:
        self._wrapped._update_session_keyterms(keyterms)

    def _push_conversation_item(self, item: Any) -> None:
        self._wrapped._push_conversation_item(item)

    def _pass_metrics(self, *values: Any) -> None:
        self.emit("metrics_collected", *values)

    async def _recognize_impl(
        self, buffer: Any, *, language: NotGivenOr[str] = NOT_GIVEN, conn_options: APIConnectOptions
    ) -> stt.SpeechEvent:
        """A finished recording has no live reading: it is recognized as it is."""
        return await self._wrapped.recognize(buffer, language=language, conn_options=conn_options)


class EmotionStream(stt.RecognizeStream):
    """One stream: audio goes to the wrapped recognizer and to the reader, transcripts come back with a reading."""

    def __init__(
        self,
        owner: EmotionSTT,
        wrapped: stt.STT,
        turn: TurnReader,
        language: NotGivenOr[str],
        conn_options: APIConnectOptions,
    ) -> None:
        # The wrapped stream tries again by itself.
        super().__init__(stt=owner, conn_options=APIConnectOptions(max_retry=0, timeout=conn_options.timeout))
        self._owner, self._wrapped = owner, wrapped
        self._language, self._wrapped_options = language, conn_options
        self._turn = turn
        turn.reader.prepare()

    async def _metrics_monitor_task(self, event_aiter: AsyncIterable[stt.SpeechEvent]) -> None:
        async for _ in event_aiter:  # what they cost is measured in the wrapped stream
            pass

    async def _run(self) -> None:
        stream = self._wrapped.stream(language=self._language, conn_options=self._wrapped_options)
        stream.start_time_offset = self.start_time_offset
        forward = asyncio.create_task(self._forward_audio(stream))
        try:
            async for event in stream:
                summary = await _annotate(event, self._turn)
                if summary is not None:
                    self._owner.latest = summary
                    self.context = EmotionContext(emotion=summary)
                self._event_ch.send_nowait(event)
            if self._input_ch.closed:
                await self._turn.reader.finish()
        finally:
            self._turn.reader.stop()
            await utils.aio.cancel_and_wait(forward)
            await stream.aclose()

    async def _forward_audio(self, stream: stt.RecognizeStream) -> None:
        async for item in self._input_ch:
            if isinstance(item, rtc.AudioFrame):
                stream.push_frame(item)
                self._turn.reader.feed(item.data, item.sample_rate, item.num_channels)
            else:
                stream.flush()
        stream.end_input()
        self._turn.reader.end_input()


async def with_emotions(
    audio: AsyncIterable[rtc.AudioFrame],
    recognize: Callable[[AsyncIterable[rtc.AudioFrame]], AsyncIterable[stt.SpeechEvent]],
    options: ReaderOptions | None = None,
    *,
    wait_s: float = WAIT_S,
    on_reading: OnReading = nobody,
    **more: Any,
) -> AsyncIterator[stt.SpeechEvent]:
    """The events of `recognize`, with a reading in every transcript; for the `stt_node` of an agent.

    >>> async def stt_node(self, audio, settings):                     # doctest: +SKIP
    ...     node = lambda tee: Agent.default.stt_node(self, tee, settings)
    ...     async for event in with_emotions(audio, node):
    ...         yield event

    The other arguments are those of `EmotionSTT`.
    """
    chosen = replace(options or ReaderOptions(), **more)
    turn = TurnReader(chosen, wait_s=wait_s, on_reading=on_reading, on_problem=_log)
    turn.reader.prepare()

    async def tee() -> AsyncIterator[rtc.AudioFrame]:
        async for frame in audio:
            turn.reader.feed(frame.data, frame.sample_rate, frame.num_channels)
            yield frame
        turn.reader.end_input()

    try:
        async for event in recognize(tee()):
            if isinstance(event, stt.SpeechEvent):
                await _annotate(event, turn)
            yield event
        await turn.reader.finish()
    finally:
        turn.reader.stop()


async def _annotate(event: stt.SpeechEvent, turn: TurnReader) -> Summary | None:
    """Put the turn's reading into a transcript's alternatives; a final one waits for it. What was put there."""
    if event.type not in TRANSCRIPTS or not event.alternatives:
        return None
    summary = await turn.take() if event.type is FINAL else turn.look()
    if summary is None:
        return None
    scores = [] if summary["description"] is None else sorted(summary["scores"].items(), key=lambda one: -one[1])
    ranked = [{"label": label, "confidence": probability} for label, probability in scores]
    for alternative in event.alternatives:
        known = alternative.metadata or {}
        profile = {**known.get("voice_profile", {}), "emotion": ranked}
        alternative.metadata = {**known, "voice_profile": profile, "emotion": summary}
    return summary


def _log(line: str) -> None:
    logger.warning("emoscope: %s", line)
