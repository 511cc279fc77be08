"""Emotions in a pipeline of Pipecat 1.3 or newer: `python demo/pipecat_agent.py [FILE]`; a file plays the user."""

import asyncio
import sys
from pathlib import Path

import numpy as np
from pipecat.frames.frames import EndFrame, InputAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.workers.runner import WorkerRunner

from emoscope.streamer.integrations.pipecat import EmotionFrame, EmotionProcessor
from emoscope.streamer.sources.recordings import Recording


class Show(FrameProcessor):  # in an agent: whoever reads TranscriptionFrame.metadata["emotion"]
    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, EmotionFrame) and frame.final:
            print(f"{frame.event.start:6.1f} s ", frame.description)
        await self.push_frame(frame, direction)


async def speak(path, worker):  # a recording at 16 kHz
    for block in Recording(Path(path)).blocks(0.1):
        samples = (block.mean(1) * 32_767).astype(np.int16)
        await worker.queue_frame(InputAudioRawFrame(samples.tobytes(), 16_000, 1))
        await asyncio.sleep(0.1)
    await worker.queue_frame(EndFrame())


async def main(path):  # in an agent: [transport.input(), stt, EmotionProcessor(), context_aggregator.user(), llm, ...]
    worker = PipelineWorker(Pipeline([EmotionProcessor(finish_s=60.0), Show()]))
    await asyncio.gather(WorkerRunner().run(worker), speak(path, worker))


asyncio.run(main([*sys.argv, "demo/recordings/conversation.flac"][1]))
