"""The audio that a later window or transcript pass may still need."""

from dataclasses import dataclass, field

import numpy as np

from .vad import Samples

SPARE = 16_000  # samples for which there is room behind the last one whenever the room is made anew: a second


@dataclass
class AudioBuffer:
    """Consecutive samples of the session's clock; the first is number `start`.

    Samples are appended in place while there is room behind them, so that a block costs no copy of the audio before it.
    """

    start: int = 0
    samples: Samples = field(default_factory=lambda: np.zeros(0, np.float32))

    def __post_init__(self) -> None:
        self._room, self._used = self.samples, len(self.samples)  # `samples` ends at `_used` of the room

    @property
    def end(self) -> int:
        """Number of the sample after the last one."""
        return self.start + len(self.samples)

    def append(self, samples: Samples) -> None:
        """Add the samples that follow."""
        kept, count = len(self.samples), len(samples)
        if self._used + count > len(self._room):
            self._room = np.empty(kept + count + SPARE, np.float32)
            self._room[:kept] = self.samples
            self._used = kept
        begin = self._used - kept
        self._room[self._used : self._used + count] = samples
        self._used += count
        self.samples = self._room[begin : self._used]

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
            self.samples = self.samples[surplus:]
            self.start += surplus
