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


class Show(FrameProcessor):  # in an agent: the aggregator, which reads TranscriptionFrame.metadata["emotion"]
    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, EmotionFrame) and frame.final:
            print(f"{frame.event.start:6.1f} s  {frame.description or 'unsure'}")
        await self.push_frame(frame, direction)


async def main(path):
    # In an agent: [transport.input(), stt, EmotionProcessor(), context_aggregator.user(), llm, tts, ...]
    worker = PipelineWorker(Pipeline([EmotionProcessor(finish_s=60.0), Show()]))
    runner = WorkerRunner()
    await runner.add_workers(worker)

    async def microphone():
        recording = Recording(path)
        for block in recording.blocks(0.1):
            samples = (block.mean(1) * 32_767).astype(np.int16)
            await worker.queue_frame(InputAudioRawFrame(samples.tobytes(), recording.sample_rate, 1))
            await asyncio.sleep(0.1)
        await worker.queue_frame(EndFrame())

    await asyncio.gather(runner.run(), microphone())


asyncio.run(main(Path([*sys.argv, "demo/recordings/conversation.flac"][1])))
