"""`emoscope bench integrations`: what each door adds to a frame of audio, and whether its finals are a replay's."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ..engine.opening import open_engine
from ..protocol.config import Config
from ..protocol.errors import UsageError
from ..protocol.events import EmotionFinal
from ..runtime.drive import Drive
from ..session.session import Session
from ..sources.recordings import Recording
from ..testing.comparison import differences
from .doors import DOORS, Door, Passed, ReadThrough, Sound
from .serve import print_machine

FAST = 8.0  # times real time, where only the finals count
PROMISED_MS = 2.0  # the 99th percentile of the added delay, on a machine that does nothing else


@dataclass(frozen=True)
class DoorCost:
    """What one door costs.

    finals, differ  how many it gave, and in how many lines they differ from a replay's
    p50, p99, most  milliseconds that a frame takes through it: median, 99th percentile, and the longest
    plain_p99       the 99th percentile without any reading
    cpu_ms          processor time of this process for each second of sound, beyond what it takes without reading: the
                    model computes in another process
    missing         why it could not be measured; "" if it was
    """

    door: str
    finals: int = 0
    differ: int = 0
    p50: float | None = None
    p99: float | None = None
    most: float | None = None
    plain_p99: float | None = None
    cpu_ms: float | None = None
    missing: str = ""

    @property
    def line(self) -> str:
        """A row of the table."""
        if self.missing:
            return f"{self.door:<18} {self.missing}"
        equal = f"{self.finals} equal" if not self.differ else f"{self.differ} of {self.finals} DIFFER"
        figures = (self.p50, self.p99, self.most, self.plain_p99, self.cpu_ms)
        shown = " ".join("        -" if figure is None else f"{figure:>9.3f}" for figure in figures)
        return f"{self.door:<18} {equal:>12} {shown}"


def print_doors(path: Path, seconds: float, only: Sequence[str], *, as_json: bool) -> bool:
    """Measure each door, and print it at once. False where finals differ or a door cannot be measured."""
    sound = sound_of(path)
    expected = finals_of(sound)
    if not as_json:
        print_machine()
        print(f"{'':<18} {'finals':>12} {'p50 ms':>9} {'p99 ms':>9} {'most ms':>9} {'without':>9} {'cpu ms/s':>9}")
    costs = []
    for door in chosen(only):
        costs.append(measure(door, sound, expected, seconds))
        if not as_json:
            print(costs[-1].line, flush=True)
    if as_json:
        print(json.dumps([asdict(cost) for cost in costs]))
    return not any(cost.differ or cost.missing for cost in costs)


def chosen(only: Sequence[str]) -> list[Door]:
    """The doors of these names, or all; UsageError for a name that no door has."""
    names = [door.name for door in DOORS]
    if unknown := [name for name in only if name not in names]:
        raise UsageError(f"--only {unknown[0]!r}: no such door; there are {', '.join(names)}")
    return [door for door in DOORS if not only or door.name in only]


def sound_of(path: Path) -> Sound:
    """A recording as 16-bit samples of one channel."""
    with Recording(path) as recording:
        blocks = [block.reshape(len(block), -1).mean(1) for block in recording.blocks(1.0)]
        samples = np.clip(np.rint(np.concatenate(blocks) * 32_768.0), -32_768, 32_767).astype(np.int16)
        return Sound(samples, recording.sample_rate)


def finals_of(sound: Sound) -> list[EmotionFinal]:
    """The finals of a replay of the same samples."""
    opened = open_engine()
    session = Session(opened.contract, Config(sample_rate=sound.rate))
    driver = Drive(session, opened.engine)
    blocks = np.array_split(sound.samples, max(1, len(sound.samples) // sound.rate))
    return [event for event in driver.run(blocks) if isinstance(event, EmotionFinal)]


def measure(door: Door, sound: Sound, expected: Sequence[EmotionFinal], seconds: float) -> DoorCost:
    """The finals of the whole sound, quickly; then delays in real time, with reading and without."""
    try:
        if door.sound is not None:
            expected = finals_of(door.sound(sound))
        finals = door.read(sound, FAST).finals
        differ = len(differences(finals, expected))
        if door.plain is None:
            return DoorCost(door.name, len(finals), differ)
        head = sound.head(seconds)
        plain, plain_cpu_s = _timed(door.plain, head)
        read, cpu_s = _timed(door.read, head)
    except UsageError as error:
        return DoorCost(door.name, missing=str(error))
    except ModuleNotFoundError:
        if not door.extra:
            raise
        return DoorCost(door.name, missing=f"needs its framework: pip install 'emoscope[{door.extra}]'")
    p50, p99, most = (1e3 * float(np.percentile(read.delays_s, q)) for q in (50, 99, 100))
    return DoorCost(
        door.name,
        len(finals),
        differ,
        p50,
        p99,
        most,
        1e3 * float(np.percentile(plain.delays_s, 99)),
        1e3 * (cpu_s - plain_cpu_s) / seconds,
    )


def _timed(read: ReadThrough, sound: Sound) -> tuple[Passed, float]:
    began = time.process_time()
    passed = read(sound, 1.0)
    return passed, time.process_time() - began
