"""The Pipecat door: a real pipeline in which the processor stands between two that note when a frame passes."""

import asyncio
import importlib
import time
from collections.abc import Awaitable, Callable, Sequence

from pipecat.frames.frames import EndFrame, Frame, InputAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from ..integrations.pipecat import EmotionFrame, EmotionProcessor
from ..protocol.events import EmotionFinal
from .doors import FRAME_S, LOSSLESS, Passed, Sound, paced_blocks

AHEAD = 50  # frames that a pipeline may be behind: its own queues have no bound


class Watch(FrameProcessor):
    """Passes everything on, and notes it: at what time each audio frame came, and every other frame."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []
        self.frames: list[Frame] = []

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Note the frame, then pass it on."""
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            self.times.append(time.perf_counter())
        else:
            self.frames.append(frame)
        await self.push_frame(frame, direction)


async def run_pipeline(
    processors: Sequence[FrameProcessor], feed: Callable[[Callable[[Frame], Awaitable[None]]], Awaitable[None]]
) -> None:
    """Run a pipeline until it ends; `feed` puts frames into it, once it runs, the last one an `EndFrame`."""
    options = {"cancel_on_idle_timeout": False, "enable_rtvi": False}
    try:
        worker_module = importlib.import_module("pipecat.pipeline.worker")
        runner_module = importlib.import_module("pipecat.workers.runner")
    except ImportError:  # before 1.3
        worker_module = importlib.import_module("pipecat.pipeline.task")
        runner_module = importlib.import_module("pipecat.pipeline.runner")
        worker = worker_module.PipelineTask(Pipeline(list(processors)), **options)
        running = runner_module.PipelineRunner(handle_sigint=False).run(worker)
    else:
        worker = worker_module.PipelineWorker(Pipeline(list(processors)), **options)
        runner = runner_module.WorkerRunner(handle_sigint=False)
        await runner.add_workers(worker)
        running = runner.run()
    started = asyncio.Event()

    @worker.event_handler("on_pipeline_started")
    async def _started(worker: object, frame: Frame) -> None:
        started.set()

    async def fed() -> None:
        await started.wait()
        await feed(worker.queue_frame)

    await asyncio.gather(running, fed())


def read(sound: Sound, speed: float) -> Passed:
    """The sound through a pipeline with the processor in it."""
    return asyncio.run(_read(sound, speed, EmotionProcessor(LOSSLESS)))


def pass_on(sound: Sound, speed: float) -> Passed:
    """The same with a processor that does nothing."""
    return asyncio.run(_read(sound, speed, FramePasser()))


async def _read(sound: Sound, speed: float, between: FrameProcessor) -> Passed:
    before, after = Watch(), Watch()

    async def feed(queue: Callable[[Frame], Awaitable[None]]) -> None:
        count = 0
        async for block in paced_blocks(sound, speed):
            await queue(InputAudioRawFrame(audio=block, sample_rate=sound.rate, num_channels=1))
            count += 1
            while len(after.times) < count - AHEAD:
                await asyncio.sleep(FRAME_S / speed)
        await queue(EndFrame())

    await run_pipeline([before, between, after], feed)
    finals = [one.event for one in after.frames if isinstance(one, EmotionFrame) and one.final]
    delays = [there - here for here, there in zip(before.times, after.times, strict=True)]
    return Passed([final for final in finals if isinstance(final, EmotionFinal)], delays)


class FramePasser(FrameProcessor):
    """Does nothing."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Pass the frame on."""
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)
