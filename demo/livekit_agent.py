"""Emotions in LiveKit Agents: `python demo/livekit_agent.py [FILE]`; a file plays the user, and no words are heard."""

import asyncio
import sys
from pathlib import Path

import numpy as np
from livekit import rtc

from emoscope.streamer.integrations.livekit import with_emotions
from emoscope.streamer.sources.recordings import Recording


async def room(path):
    with Recording(path) as recording:
        for block in recording.blocks(0.1):
            samples = (block.mean(1) * 32_767).astype(np.int16)
            yield rtc.AudioFrame(samples.tobytes(), recording.sample_rate, 1, len(samples))
            await asyncio.sleep(0.1)


async def no_words(audio):  # in an agent's stt_node: lambda audio: Agent.default.stt_node(self, audio, settings)
    async for _ in audio:
        if False:
            yield


def show(event):
    if event.type == "emotion.final":
        print(f"{event.start:6.1f}-{event.end:.1f} s  {event.label} ({event.confidence:.2f})")


async def main(path):  # an agent needs less: AgentSession(stt=EmotionSTT(deepgram.STT()), ...)
    async for _ in with_emotions(room(path), no_words, on_reading=show, finish_s=60.0):
        pass


asyncio.run(main(Path([*sys.argv, "demo/recordings/conversation.flac"][1])))
