"""The audio that a later window or transcript pass may still need."""

from dataclasses import dataclass, field

import numpy as np

from .vad import Samples


@dataclass
class AudioBuffer:
    """Consecutive samples of the session's clock; the first is number `start`."""

    start: int = 0
    samples: Samples = field(default_factory=lambda: np.zeros(0, np.float32))

    @property
    def end(self) -> int:
        """Number of the sample after the last one."""
        return self.start + len(self.samples)

    def append(self, samples: Samples) -> None:
        """Add the samples that follow."""
        self.samples = np.concatenate([self.samples, samples])

    def between(self, begin: int, end: int) -> Samples:
        """Samples `begin` to `end`, a view; zeros stand for those before the recording began."""
        missing = max(0, -begin)
        first = begin + missing - self.start
        assert first >= 0, "audio that is still needed was discarded"
        audio = self.samples[first : end - self.start]
        return np.concatenate([np.zeros(missing, np.float32), audio]) if missing else audio

    def discard_before(self, begin: int) -> None:
        """Forget the samples before number `begin`."""
        surplus = begin - self.start
        if surplus > 0:
            self.samples = self.samples[surplus:].copy()
            self.start += surplus
