"""Which channels of a recording are heard: their mean, one of them, or each for itself."""

from collections.abc import Iterator

import numpy as np

from .decoder import Samples

CANCELLED = 0.01  # the mean has less than this share of the loudest channel's power: 20 dB
AUDIBLE = 1e-7  # mean square; -70 dBFS


class Mixer:
    """The mean of the channels, or, where they cancel each other out, the loudest of them from then on.

    chosen  the channel that is heard alone, counted from 0; None while the channels are mixed
    """

    def __init__(self) -> None:
        self.chosen: int | None = None

    def mix(self, samples: Samples) -> Samples:
        """One channel (n, 1) of samples (n, channels). What is decided depends on how the samples are cut."""
        if samples.shape[1] == 1:
            return samples
        if self.chosen is None:
            mean: Samples = samples.mean(1, keepdims=True, dtype=np.float32)
            power = np.mean(np.square(samples, dtype=np.float64), 0)
            loudest = int(power.argmax())
            mixed = float(np.mean(np.square(mean, dtype=np.float64)))
            if power[loudest] < AUDIBLE or mixed >= CANCELLED * power[loudest]:
                return mean
            self.chosen = loudest
        return samples[:, self.chosen : self.chosen + 1]


class Held:
    """Blocks whose error waits, so that what was read before it is passed on first."""

    def __init__(self, blocks: Iterator[Samples]) -> None:
        self._blocks = blocks
        self._error: Exception | None = None

    def __iter__(self) -> Iterator[Samples]:
        try:
            yield from self._blocks
        except Exception as error:
            self._error = error

    def settle(self) -> None:
        """Raise the error that ended the blocks, if one did."""
        if self._error is not None:
            raise self._error


def recut(blocks: Iterator[Samples], size: int) -> Iterator[Samples]:
    """The same samples in blocks of `size`, the last one shorter. What is left is passed on before an error is."""
    parts: list[Samples] = []
    held = 0
    given = Held(blocks)
    for block in given:
        parts.append(block)
        held += len(block)
        if held < size:
            continue
        whole = np.concatenate(parts) if len(parts) > 1 else parts[0]
        end = held // size * size
        for begin in range(0, end, size):
            yield whole[begin : begin + size]
        parts, held = ([whole[end:]] if held > end else []), held - end
    if held:
        yield np.concatenate(parts)
    given.settle()
