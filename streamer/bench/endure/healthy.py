"""Healthy streams beside what a part does: each sends the recording and compares its finals with a replay's."""

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import soundfile

from ...client import Client
from ...engine.messages import ModelRequest
from ...engine.opening import open_engine
from ...protocol.config import SAMPLE_RATE, Config
from ...protocol.errors import EmoscopeError
from ...protocol.events import AnyEvent, Durable, EmotionFinal, Error
from ...runtime.replay import replay
from ...testing import differences
from ..clients import read_pcm

BLOCK_S = 0.1
NEWEST = 5  # events of a stream that failed, which its message tells
CONFIG = Config(pace="fast", transcript=False)


class Voice:
    """A recording, and what a replay reads in it.

    samples  (n,) int16 at 16 kHz
    durable  the events of its replay that a client must get
    """

    def __init__(self, audio: Path, model: ModelRequest, seconds: float) -> None:
        self.pcm = read_pcm(str(audio))[: 2 * round(seconds * SAMPLE_RATE)]
        self.samples = np.frombuffer(self.pcm, "<i2").astype(np.int16)
        opened = open_engine(model.model, device=model.device, threads=model.threads, engine=model.engine)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "voice.wav"
            soundfile.write(path, self.samples, SAMPLE_RATE, subtype="PCM_16")
            self.durable = durable(replay(path, opened, config=CONFIG))

    def wrong(self, events: Sequence[AnyEvent]) -> list[str]:
        """How the durable events of a stream differ from the replay's, and from being numbered one after the other."""
        came = durable(events)
        return _gaps(came) + differences(came, self.durable)

    def wrong_utterances(self, events: Sequence[AnyEvent]) -> list[str]:
        """The same, where only the times of the finals are compared."""
        came = durable(events)
        return _gaps(came) + ([] if _spans(came) == _spans(self.durable) else [f"the finals are {_spans(came)}"])


def _gaps(came: Sequence[Durable]) -> list[str]:
    numbers = [event.seq for event in came]
    return [] if numbers == list(range(1, len(came) + 1)) else [f"the numbers of the events are {numbers}"]


def _spans(events: Sequence[Durable]) -> list[tuple[float, float]]:
    return [(event.start, event.end) for event in events if isinstance(event, EmotionFinal)]


def durable(events: object) -> list[Durable]:
    """The durable events among all."""
    return [event for event in events if isinstance(event, Durable)]  # type: ignore[attr-defined]


async def stream(
    url: str, voice: Voice, speed: float, config: Config = CONFIG, heard: Callable[[], object] = lambda: None
) -> list[str]:
    """One stream from its beginning to its end, `speed` times as fast as it was spoken; what was wrong with it.

    heard  is called with each event that comes

    With words, which the replay has not, only the numbers and the utterances are compared.
    """
    events: list[AnyEvent] = []
    step = round(BLOCK_S * SAMPLE_RATE)
    try:
        async with Client(url, config) as client:

            async def listen() -> None:
                async for event in client:
                    events.append(event)
                    heard()

            listening = asyncio.ensure_future(listen())
            for begin in range(0, len(voice.samples), step):
                await client.send(voice.samples[begin : begin + step])
                await asyncio.sleep(BLOCK_S / speed)
            await client.finish()
            await listening
    except EmoscopeError as error:
        newest = ", ".join(event.message if isinstance(event, Error) else event.type for event in events[-NEWEST:])
        words = " with words" if config.transcript else ""
        return [f"the stream{words} failed: {error}; its newest events: {newest or 'none'}"]
    return voice.wrong_utterances(events) if config.transcript else voice.wrong(events)
