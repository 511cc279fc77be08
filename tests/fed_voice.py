"""A made-up voice in the frames of a pipeline, and an engine that costs nothing, for tests of integrations."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from waiting import DEADLINE_S

from emoscope.streamer import Config
from emoscope.streamer.integrations.options import ReaderOptions
from emoscope.streamer.testing import CONTRACT, FakeEngine, silence, voice

RATE = 16_000
TALK = np.concatenate([silence(0.5), voice(2.0), silence(1.0), voice(2.0, pitch_hz=220.0, seed=1), silence(1.0)])
CONFIG = Config(transcript=False)


def options(engine: Any = None, **changes: Any) -> ReaderOptions:
    """A reader whose clock stands still: however busy the machine is, nothing is late, and no speech is dropped."""
    chosen = engine or FakeEngine()
    usual = ReaderOptions(
        load=lambda: (CONTRACT, chosen), config=CONFIG, clock=lambda: 0.0, finish_s=DEADLINE_S, queue_s=600.0
    )
    return replace(usual, **changes)


def frames(audio: Any, rate: int = RATE) -> list[bytes]:
    """The sound as frames of 20 ms."""
    samples = np.clip(np.rint(np.asarray(audio) * 32_768), -32_768, 32_767).astype(np.int16)
    step = rate // 50
    return [samples[begin : begin + step].tobytes() for begin in range(0, len(samples), step)]


async def until(condition: Callable[[], object], what: str = "the condition did not hold in time") -> None:
    """Wait, in the event loop, until a condition holds."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.005)
