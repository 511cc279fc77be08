"""Pipecat: a frame processor that reads the emotions of the user's voice while the user speaks.

>>> pipeline = Pipeline([                                              # doctest: +SKIP
...     transport.input(), stt, EmotionProcessor(), context_aggregator.user(), llm, tts, transport.output(),
... ])

It stands behind the speech recognizer, which hands the audio on, and before whatever reads transcriptions. Tried with
Pipecat 1.x; `INTEGRATIONS.md` has more.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from ..protocol.describe import describe
from ..protocol.events import EmotionFinal, EmotionInterim
from .options import ReaderOptions
from .turn_reader import WAIT_S, TurnReader
from .versions import PIPECAT, unknown_version, unusable

try:
    from loguru import logger
    from pipecat.frames.frames import (
        CancelFrame,
        EndFrame,
        Frame,
        InputAudioRawFrame,
        InterruptionFrame,
        StartFrame,
        StopFrame,
        SystemFrame,
        TranscriptionFrame,
        UserStoppedSpeakingFrame,
    )
    from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
    from pipecat.processors.frameworks.rtvi import RTVIServerMessageFrame
except ImportError as error:
    raise unusable(PIPECAT, error) from None


@dataclass
class EmotionFrame(SystemFrame):
    """A reading, as soon as there is one: several while the user speaks, and one for the whole utterance.

    event        `emotion.interim` or `emotion.final`
    final        whether it is the reading of the whole utterance
    description  the line for a language model; None where the reading is `unsure`
    """

    event: EmotionInterim | EmotionFinal
    final: bool
    description: str | None


class EmotionProcessor(FrameProcessor):
    """Reads the audio that passes by; every frame goes on at once, whatever happens to the reading.

    Each reading is pushed downstream as an `EmotionFrame`. Each `TranscriptionFrame` gets the turn's reading in
    `metadata["emotion"]`, as `Turn.take` describes it, and in `perception` where the installed version has that; the
    key is missing where nothing was read.

    options, more      model, device, config and so on, as `ReaderOptions` describes them
    wait_s             how long a transcription may wait for the final of an utterance that has just ended; then it
                       gets the latest interim, with `final` false. Other frames wait behind it only to stay in order
    flush_at_turn_end  end the utterance where Pipecat says that the user's turn ends, instead of after
                       `config.vad.min_silence_s`: finals come sooner, and differ from those of a recording
    rtvi               send readings to the client too, as server messages {"type": "emotion", "event": ...}
    user_id            read this participant only; None reads all audio as one voice

    A problem is one line of the log, and ends no pipeline.
    """

    def __init__(
        self,
        options: ReaderOptions | None = None,
        *,
        wait_s: float = WAIT_S,
        flush_at_turn_end: bool = False,
        rtvi: bool = False,
        user_id: str | None = None,
        name: str | None = None,
        **more: Any,
    ) -> None:
        super().__init__(name=name)
        self._unknown = unknown_version(PIPECAT)
        self.options = replace(options or ReaderOptions(), **more)
        self._wait_s, self._flush_at_turn_end, self._rtvi, self._user_id = wait_s, flush_at_turn_end, rtvi, user_id
        self._turn: TurnReader | None = None
        self._readings: asyncio.Queue[EmotionInterim | EmotionFinal] = asyncio.Queue()
        self._held: deque[tuple[Frame, float, int]] = deque()
        self._filled, self._emptied = asyncio.Event(), asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._heard: set[str] = set()
        self._told: set[str] = set()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Pass the frame on; audio is read afterwards, and a transcription gets its reading before."""
        await super().process_frame(frame, direction)
        match frame:
            case InputAudioRawFrame():
                await self.push_frame(frame, direction)
                self._hear(frame)
            case StartFrame():
                await self.push_frame(frame, direction)
                self._start()
            case EndFrame() | StopFrame():
                await self._finish(end=isinstance(frame, EndFrame))
                await self.push_frame(frame, direction)
            case CancelFrame():
                self._cancel()
                await self.push_frame(frame, direction)
            case InterruptionFrame():
                # Downstream it discards what is queued, so a transcription that is held here follows it.
                await self.push_frame(frame, direction)
                self._hurry()
            case _ if isinstance(frame, SystemFrame) or direction is not FrameDirection.DOWNSTREAM:
                if isinstance(frame, UserStoppedSpeakingFrame) and self._flush_at_turn_end and self._turn is not None:
                    self._turn.reader.flush()
                await self.push_frame(frame, direction)
            case TranscriptionFrame():
                await self._transcribed(frame)
            case _ if self._held:
                self._hold(frame)
            case _:
                await self.push_frame(frame, direction)

    async def cleanup(self) -> None:
        """End the reading, and the tasks."""
        self._cancel()
        for task in self._tasks:
            await self.cancel_task(task)
        self._tasks = []
        await super().cleanup()

    # --- audio

    def _start(self) -> None:
        if self._unknown:
            self._tell(self._unknown)
        if self._turn is None:
            self._turn = TurnReader(
                self.options, wait_s=self._wait_s, on_reading=self._readings.put_nowait, on_problem=self._tell
            )
            self._turn.reader.prepare()
            self._tasks = [
                self.create_task(self._push_readings(), f"{self.name}::readings"),
                self.create_task(self._release(), f"{self.name}::transcriptions"),
            ]

    def _hear(self, frame: InputAudioRawFrame) -> None:
        speaker = str(getattr(frame, "user_id", None) or getattr(frame, "transport_source", None) or "")
        if self._turn is None or (self._user_id is not None and speaker != self._user_id):
            return
        if speaker not in self._heard and len(self._heard) < 2:
            self._heard.add(speaker)
            if len(self._heard) == 2:
                self._tell("audio of several participants is read as one voice; give user_id, a processor for each")
        self._turn.reader.feed(frame.audio, frame.sample_rate, frame.num_channels)

    # --- readings

    async def _push_readings(self) -> None:
        while True:
            event = await self._readings.get()
            try:
                await self.push_frame(EmotionFrame(event, isinstance(event, EmotionFinal), describe(event)))
                if self._rtvi:
                    message = {"type": "emotion", "event": msgspec.to_builtins(event)}
                    await self.push_frame(RTVIServerMessageFrame(data=message))
            finally:
                self._readings.task_done()

    # --- transcriptions

    async def _transcribed(self, frame: TranscriptionFrame) -> None:
        if self._turn is not None and not self._heard and self._user_id is None:
            self._tell("no audio comes here: put the processor behind a recognizer that hands the audio on")
        if self._held or (self._turn is not None and self._turn.must_wait()):
            self._hold(frame)
        else:
            await self._attach(frame, 0.0, None)
            await self.push_frame(frame)

    def _hold(self, frame: Frame) -> None:
        newest = 0 if self._turn is None else self._turn.newest
        self._held.append((frame, asyncio.get_running_loop().time() + self._wait_s, newest))
        self._emptied.clear()
        self._filled.set()

    async def _release(self) -> None:
        """Push what is held: a transcription when its reading is there or has been waited for, the rest behind it."""
        while True:
            await self._filled.wait()
            while self._held:
                frame, until, newest = self._held[0]
                if isinstance(frame, TranscriptionFrame):
                    await self._attach(frame, until, newest)
                await self.push_frame(frame)
                self._held.popleft()
            if self._turn is not None:
                self._turn.hurry(False)
            self._filled.clear()
            self._emptied.set()

    async def _attach(self, frame: TranscriptionFrame, until: float, upto: int | None) -> None:
        summary = None if self._turn is None else await self._turn.take(until, upto)
        if summary is None:
            return
        frame.metadata["emotion"] = summary
        if hasattr(frame, "perception"):
            known = frame.perception if isinstance(frame.perception, dict) else {}
            frame.perception = {**known, "emotion": summary}

    def _hurry(self) -> None:
        """What is held is pushed with what is known of it."""
        if self._held and self._turn is not None:
            self._turn.hurry()

    # --- the end

    async def _finish(self, *, end: bool) -> None:
        """Everything that was heard is read out, and pushed, before the frame that ends the pipeline."""
        if self._turn is None:
            return
        if end:
            await self._turn.reader.finish()
        else:
            self._turn.reader.flush()
        self._hurry()
        while self._held:
            await self._emptied.wait()
        await self._readings.join()

    def _cancel(self) -> None:
        if self._turn is not None:
            self._turn.reader.stop()

    def _tell(self, line: str) -> None:
        """One line of the log for each problem."""
        if line not in self._told:
            self._told.add(line)
            logger.warning(f"{self.name}: {line}")
