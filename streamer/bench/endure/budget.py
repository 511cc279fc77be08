"""What a part of `emoscope bench endure` may use: time, a number of rounds, a model, and repeatable chance."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ...engine.messages import ModelRequest


@dataclass(frozen=True)
class Budget:
    """The bounds of one part.

    seconds  of wall time, after which nothing new is begun
    count    of the part's rounds (hours of audio, messages, cuts, kills, files of a container); None for no bound
    seed     of all that is chosen by chance
    model    who reads
    audio    a recording of speech
    """

    seconds: float
    count: int | None
    seed: int
    model: ModelRequest
    audio: Path
    clock: Callable[[], float] = time.monotonic
    _began: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_began", self.clock())

    @property
    def spent_s(self) -> float:
        """Wall time since the part began."""
        return self.clock() - self._began

    @property
    def left_s(self) -> float:
        """Wall time that is left; 0 when it is over."""
        return max(0.0, self.seconds - self.spent_s)

    def over(self, done: float) -> bool:
        """Whether the time, or the number of rounds, is used up."""
        return self.left_s <= 0 or (self.count is not None and done >= self.count)

    def chance(self, *name: object) -> random.Random:
        """Chance for one purpose; the same seed and name give the same numbers."""
        return random.Random(f"{self.seed}/{'/'.join(map(str, name))}")  # noqa: S311 - nothing secret depends on it
