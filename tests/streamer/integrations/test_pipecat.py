"""The Pipecat processor in real pipelines of the installed version."""

import asyncio
import threading
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fed_voice import RATE, TALK, frames, options, until
from frameworks import need, run_demo
from waiting import DEADLINE_S

need("pipecat-ai")

from pipecat.frames.frames import (
    CancelFrame,
    EndFrame,
    InputAudioRawFrame,
    InterruptionFrame,
    TextFrame,
    TranscriptionFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.processors.frameworks.rtvi import RTVIServerMessageFrame

from emoscope.streamer.bench import pipecat_door
from emoscope.streamer.bench.integrations import finals_of, sound_of
from emoscope.streamer.bench.pipecat_door import Watch, run_pipeline
from emoscope.streamer.integrations import pipecat as pipecat_module
from emoscope.streamer.integrations.pipecat import EmotionFrame, EmotionProcessor
from emoscope.streamer.protocol.events import EmotionFinal
from emoscope.streamer.session.requests import Read
from emoscope.streamer.testing import FakeEngine, differences, silence, voice


def audio(frame: bytes, rate: int = RATE, channels: int = 1) -> InputAudioRawFrame:
    return InputAudioRawFrame(audio=frame, sample_rate=rate, num_channels=channels)


def transcription(text: str) -> TranscriptionFrame:
    return TranscriptionFrame(text, "user", "now")


class Lines:
    """What the processor puts into the log."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.warnings: list[str] = []
        monkeypatch.setattr(pipecat_module.logger, "warning", self.warnings.append)


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Lines:
    return Lines(monkeypatch)


class Pipe:
    """A pipeline with the processor in the middle, while it runs."""

    def __init__(self, processor: FrameProcessor, queue: Any, before: Watch, after: Watch) -> None:
        self.processor, self.queue, self.before, self.after = processor, queue, before, after

    async def say(self, sound: Any) -> None:
        """Send a sound, and wait until it has passed."""
        sent = frames(sound)
        passed = len(self.after.times) + len(sent)
        for frame in sent:
            await self.queue(audio(frame))
        await until(lambda: len(self.after.times) == passed, "audio did not pass")

    def readings(self, *, final: bool = True) -> list[Any]:
        return [frame.event for frame in self.after.frames if isinstance(frame, EmotionFrame) and frame.final == final]

    def transcriptions(self) -> list[Any]:
        return [frame for frame in self.after.frames if isinstance(frame, TranscriptionFrame)]


def through(script: Any, end: Any = EndFrame, **changes: Any) -> Pipe:
    """Run a script of frames through a pipeline to its end."""
    made: list[Pipe] = []

    async def main() -> None:
        given = {"options": options(), **changes}
        before, after = Watch(), Watch()
        processor = EmotionProcessor(given.pop("options"), **given)

        async def feed(queue: Any) -> None:
            made.append(Pipe(processor, queue, before, after))
            await script(made[0])
            await queue(end())

        await run_pipeline([before, processor, after], feed)

    asyncio.run(main())
    return made[0]


def test_the_demo_recording_gives_the_finals_of_a_replay(conversation: Path) -> None:
    """With the shipped model in its own process, every frame through a real pipeline."""
    sound = sound_of(conversation)
    passed = pipecat_door.read(sound, 16.0)
    assert differences(passed.finals, finals_of(sound)) == []
    assert len(passed.finals) >= 15
    assert len(passed.delays_s) == -(-len(sound.samples) // 320)


def test_the_turn_is_read_while_it_lasts_and_its_final_is_in_the_transcription() -> None:
    """Interims come as frames of their own, and the next transcription says how the turn sounded."""

    async def script(pipe: Pipe) -> None:
        await pipe.say(TALK)
        await until(lambda: len(pipe.readings()) == 2)
        await pipe.queue(transcription("hello"))
        await pipe.queue(transcription("again"))

    pipe = through(script)
    first, second = pipe.transcriptions()
    assert pipe.readings(final=False)
    emotion = first.metadata["emotion"]
    assert emotion["final"] and len(emotion["utterances"]) == 2
    assert emotion["label"] in {event.label for event in pipe.readings()}
    assert "emotion" not in second.metadata


def test_every_frame_of_audio_passes_unchanged_and_in_order() -> None:
    """The processor only listens."""
    passed: list[bytes] = []

    class Keep(FrameProcessor):
        async def process_frame(self, frame: Any, direction: Any) -> None:
            await super().process_frame(frame, direction)
            if isinstance(frame, InputAudioRawFrame):
                passed.append(frame.audio)
            await self.push_frame(frame, direction)

    async def main() -> None:
        keep = Keep()

        async def feed(queue: Any) -> None:
            for frame in frames(TALK):
                await queue(audio(frame))
            await until(lambda: len(passed) == len(frames(TALK)))
            await queue(EndFrame())

        await run_pipeline([EmotionProcessor(options()), keep], feed)

    asyncio.run(main())
    assert passed == frames(TALK)


def test_a_transcription_waits_for_the_final_and_what_follows_it_keeps_its_order() -> None:
    """Audio goes on meanwhile; the text behind the transcription does not overtake it."""

    async def script(pipe: Pipe) -> None:
        await pipe.say(np.concatenate([silence(0.5), voice(2.0)]))
        await until(lambda: pipe.readings(final=False))
        await pipe.queue(transcription("held"))
        await pipe.queue(TextFrame("behind"))
        await pipe.say(silence(0.2))
        assert pipe.transcriptions() == []
        await pipe.say(silence(1.0))
        await until(lambda: any(isinstance(frame, TextFrame) and frame.text == "behind" for frame in pipe.after.frames))

    pipe = through(script, wait_s=120.0)
    texts = [frame for frame in pipe.after.frames if isinstance(frame, TextFrame)]
    assert [frame.text for frame in texts] == ["held", "behind"]
    assert texts[0].metadata["emotion"]["final"]


def test_a_transcription_that_may_not_wait_gets_the_newest_interim() -> None:
    """It says that it is not final."""

    async def script(pipe: Pipe) -> None:
        await pipe.say(np.concatenate([silence(0.5), voice(2.0)]))
        await until(lambda: pipe.readings(final=False))
        await pipe.queue(transcription("early"))
        await until(pipe.transcriptions)

    pipe = through(script, wait_s=0.0)
    assert pipe.transcriptions()[0].metadata["emotion"]["final"] is False


def test_an_interruption_loses_no_transcription() -> None:
    """What is held goes on at once, behind the interruption, with what is known of it."""

    async def script(pipe: Pipe) -> None:
        await pipe.say(np.concatenate([silence(0.5), voice(2.0)]))
        await until(lambda: pipe.readings(final=False))
        await pipe.queue(transcription("held"))
        await pipe.queue(TextFrame("behind"))
        await until(lambda: any(isinstance(frame, TranscriptionFrame) for frame in pipe.before.frames))
        await until(lambda: len(pipe.processor._held) == 2)
        await pipe.queue(InterruptionFrame())
        await until(pipe.transcriptions)

    pipe = through(script, wait_s=120.0)
    kinds = [type(one) for one in pipe.after.frames if isinstance(one, InterruptionFrame | TranscriptionFrame)]
    assert kinds == [InterruptionFrame, TranscriptionFrame]
    assert pipe.transcriptions()[0].metadata["emotion"]["final"] is False


def test_the_end_reads_out_what_was_said_and_hands_on_what_is_held() -> None:
    """The last final and the last transcription come before the frame that ends the pipeline."""

    async def script(pipe: Pipe) -> None:
        await pipe.say(np.concatenate([silence(0.5), voice(2.0)]))
        await until(lambda: pipe.readings(final=False))
        await pipe.queue(transcription("last"))

    pipe = through(script, wait_s=120.0)
    assert len(pipe.readings()) == 1
    assert pipe.transcriptions()[0].metadata["emotion"]["final"]
    assert isinstance(pipe.after.frames[-1], EndFrame)


def test_a_cancelled_pipeline_ends_without_waiting_for_a_model() -> None:
    """The engine hangs; the pipeline does not, and leaves no task."""
    release = threading.Event()

    class Hangs(FakeEngine):
        def __call__(self, requests: Any) -> Any:
            release.wait(DEADLINE_S)
            return super().__call__(requests)

    async def script(pipe: Pipe) -> None:
        await pipe.say(TALK)

    try:
        pipe = through(script, end=CancelFrame, options=options(Hangs()))
    finally:
        release.set()
    assert pipe.readings() == []
    assert not pipe.processor._tasks


def test_an_engine_that_dies_is_one_line_and_the_pipeline_goes_on(lines: Lines) -> None:
    """Audio, text and the end pass as if nothing were there."""

    class Dies(FakeEngine):
        def __call__(self, requests: Any) -> Any:
            if any(isinstance(request, Read) for request in requests):
                raise RuntimeError("the engine died")
            return super().__call__(requests)

    async def script(pipe: Pipe) -> None:
        for _ in range(10):
            await pipe.say(TALK)
        await pipe.queue(transcription("still here"))

    pipe = through(script, options=options(Dies()))
    assert pipe.transcriptions()[0].text == "still here"
    assert isinstance(pipe.after.frames[-1], EndFrame)
    assert any("the engine died" in line for line in lines.warnings)


def test_frames_of_odd_rates_and_channels_are_told_once_and_read(lines: Lines) -> None:
    """Stereo at 48 kHz in between, and a frame that is no sound."""

    async def script(pipe: Pipe) -> None:
        for count, frame in enumerate(frames(TALK)):
            samples = np.frombuffer(frame, np.int16)
            odd = np.repeat(np.repeat(samples, 3), 2).tobytes()
            await pipe.queue(audio(odd, 48_000, 2) if 50 < count < 100 else audio(frame))
        await pipe.queue(audio(b"x"))
        await until(lambda: len(pipe.readings()) >= 1)

    pipe = through(script)
    assert len(pipe.readings()) == 2
    assert len(lines.warnings) == 3
    assert len(set(lines.warnings)) == 3


def test_readings_go_to_the_client_only_where_that_was_asked_for() -> None:
    """As server messages of RTVI, which are plain JSON."""

    async def script(pipe: Pipe) -> None:
        await pipe.say(TALK)
        await until(lambda: len(pipe.readings()) == 2)

    def messages(pipe: Pipe) -> list[Any]:
        return [frame.data for frame in pipe.after.frames if isinstance(frame, RTVIServerMessageFrame)]

    assert messages(through(script)) == []
    sent = messages(through(script, rtvi=True))
    assert {message["event"]["type"] for message in sent} == {"emotion.interim", "emotion.final"}
    assert all(message["type"] == "emotion" for message in sent)


def test_the_end_of_a_turn_ends_the_utterance_where_that_was_asked_for() -> None:
    """The final comes without any silence."""

    async def script(pipe: Pipe) -> None:
        await pipe.say(np.concatenate([silence(0.5), voice(2.0)]))
        await until(lambda: pipe.readings(final=False))
        await pipe.queue(UserStoppedSpeakingFrame())
        await until(pipe.readings)

    assert len(through(script, flush_at_turn_end=True).readings()) == 1


def test_a_transcription_without_any_audio_is_told(lines: Lines) -> None:
    """The processor stands where no audio comes; text passes all the same."""

    async def script(pipe: Pipe) -> None:
        await pipe.queue(transcription("one"))
        await pipe.queue(transcription("two"))

    pipe = through(script)
    assert [frame.text for frame in pipe.transcriptions()] == ["one", "two"]
    assert len(lines.warnings) == 1 and "no audio" in lines.warnings[0]


def test_a_version_whose_transcriptions_have_perception_gets_the_reading_there_too() -> None:
    """Beside whatever else was perceived. No release that was tried has it; the frame here does."""

    @dataclass
    class Perceiving(TranscriptionFrame):
        perception: dict[str, Any] | None = field(default_factory=lambda: {"age": "adult"})

    async def script(pipe: Pipe) -> None:
        await pipe.say(TALK)
        await until(lambda: len(pipe.readings()) == 2)
        await pipe.queue(Perceiving("hello", "user", "now"))

    frame = through(script).transcriptions()[0]
    assert frame.perception == {"age": "adult", "emotion": frame.metadata["emotion"]}


def test_another_participant_is_left_out_where_one_was_chosen() -> None:
    """Each has a processor of its own; audio of the others only passes."""

    async def script(pipe: Pipe) -> None:
        for frame in frames(TALK):
            other = audio(frame)
            other.transport_source = "other"
            await pipe.queue(other)
        await until(lambda: len(pipe.after.times) == len(frames(TALK)))

    assert through(script, user_id="me").readings() == []


def test_finals_are_events_of_the_protocol() -> None:
    """Whoever takes the frames has the same events as a client of a server."""

    async def script(pipe: Pipe) -> None:
        await pipe.say(TALK)
        await until(lambda: len(pipe.readings()) == 2)

    assert all(isinstance(event, EmotionFinal) for event in through(script).readings())


@pytest.mark.skipif(find_spec("pipecat.workers") is None, reason="the demo is written for 1.3 or newer")
def test_the_demo_reads_a_recording(conversation: Path, tmp_path: Path) -> None:
    """In under forty lines, a line for each utterance."""
    assert len(run_demo("pipecat_agent.py", conversation, tmp_path)) >= 2
