"""The doors that `emoscope bench integrations` measures: each takes a sound and gives back what was read of it.

A door is a row of `DOORS`; what it needs is imported when it is measured.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ..integrations.options import ReaderOptions
from ..protocol.events import EmotionFinal

FRAME_S = 0.02  # audio in one frame, as calls and agents have it


@dataclass(frozen=True)
class Sound:
    """A recording: samples (n,) of one channel, at `rate` Hz."""

    samples: npt.NDArray[np.int16]
    rate: int

    def head(self, seconds: float) -> "Sound":
        """Its first seconds, again and again where it is shorter."""
        count = round(seconds * self.rate)
        return Sound(np.resize(self.samples, count), self.rate)


@dataclass(frozen=True)
class Passed:
    """What came out of a door.

    finals    in their order
    delays_s  of each audio frame, from before the door to behind it; empty for a door that no audio leaves
    """

    finals: Sequence[EmotionFinal]
    delays_s: Sequence[float] = field(default_factory=tuple)


LOSSLESS = ReaderOptions(queue_s=600.0, finish_s=120.0, clock=lambda: 0.0)
"""However busy the machine is, nothing is late and nothing is dropped."""


async def paced_blocks(sound: Sound, speed: float) -> AsyncIterator[bytes]:
    """The sound as frames of 20 ms, `speed` times as fast as it was spoken; each is handed over when it is due."""
    began, step = time.perf_counter(), round(sound.rate * FRAME_S)
    for place, begin in enumerate(range(0, len(sound.samples), step)):
        await asyncio.sleep(max(0.0, began + place * FRAME_S / speed - time.perf_counter()))
        yield sound.samples[begin : begin + step].tobytes()


class ReadThrough(Protocol):
    """Sends a sound through a door, `speed` times as fast as it was spoken; nothing of it may be left out."""

    def __call__(self, sound: Sound, speed: float) -> Passed:
        """What came out."""
        ...


@dataclass(frozen=True)
class Door:
    """One way in.

    name   as the table shows it
    extra  the extra of ours that installs what it needs; "" for none
    read   sends a sound through it
    plain  the same without any reading, to compare delays with; None for a door that no audio leaves
    sound  what is left of a sound behind the door, where that is not all of it
    """

    name: str
    extra: str
    read: ReadThrough
    plain: ReadThrough | None = None
    sound: Callable[[Sound], Sound] | None = None


def _lazy(module: str, name: str) -> ReadThrough:
    """A function of another module of this room, which is imported when it is called."""

    def read(sound: Sound, speed: float) -> Passed:
        from importlib import import_module

        function: Callable[[Sound, float], Passed] = getattr(import_module(f".{module}", __package__), name)
        return function(sound, speed)

    return read


def _telephone(sound: Sound) -> Sound:
    from .server_doors import as_carried

    return as_carried(sound)


DOORS = (
    Door("Pipecat", "pipecat", _lazy("pipecat_door", "read"), _lazy("pipecat_door", "pass_on")),
    Door("LiveKit STT", "livekit", _lazy("livekit_door", "read"), _lazy("livekit_door", "pass_on")),
    Door("LiveKit stt_node", "livekit", _lazy("livekit_door", "read_node"), _lazy("livekit_door", "pass_on_node")),
    Door("Twilio", "", _lazy("server_doors", "read_twilio"), sound=_telephone),
    Door("Asterisk", "", _lazy("server_doors", "read_asterisk")),
)
