"""What reads a file's samples: `PcmDecoder` (libsndfile) or `FfmpegDecoder` (PyAV), behind one interface."""

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]


class NotAudio(Exception):
    """The decoder does not know this kind of file; the message says why. Another decoder may know it."""


class Damaged(Exception):
    """Raised after the last sample that could be read; the message says what is wrong with the file.

    ends  whether the samples end early; otherwise some are missing in the middle
    """

    def __init__(self, message: str, *, ends: bool = True) -> None:
        super().__init__(message)
        self.ends = ends


class Decoder(Protocol):
    """An open file. `blocks` is called once.

    sample_rate   Hz
    channels      how many each sample has
    sixteen_bits  whether int16 represents the samples exactly
    declared      samples per channel that the file promises, or None where it promises none
    """

    sample_rate: int
    channels: int
    sixteen_bits: bool
    declared: int | None

    def blocks(self) -> Iterator[Samples]:
        """The samples (n, channels) in [-1, 1], some at a time. Damaged when something is missing."""

    def close(self) -> None:
        """Close what the decoder has opened."""
