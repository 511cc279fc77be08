"""Warnings about one client's input: `InputWatch`, given the samples in larger pieces than they come in."""

import math
from typing import Any

import numpy as np

from ..protocol.config import Config
from ..protocol.events import WarningEvent
from ..runtime.input_watch import InputWatch

PIECE_S = 0.5  # a check costs as much for a short piece as for a long one, and half a second delays no warning much
CAUGHT_UP = 4  # pieces in a row that come no faster than they were spoken


class InputCheck:
    """Made with the first audio, when the config is fixed.

    resumed  the session goes on here: its client first sends what it kept meanwhile, as fast as it can
    """

    def __init__(self, config: Config, *, resumed: bool = False) -> None:
        self._watch = InputWatch(config.sample_rate)
        self._slow_pieces_left = CAUGHT_UP if resumed else 0
        self._piece_at = -math.inf
        self._live = config.pace == "realtime"
        self._piece = round(config.sample_rate * PIECE_S)
        self._blocks: list[Any] = []
        self._gathered = 0

    def accept(self, samples: Any, now: float) -> list[WarningEvent]:
        """Samples (n, channels), int16 or float32, that arrived at `now`."""
        self._blocks.append(samples)
        self._gathered += len(samples)
        if self._gathered < self._piece:
            return []
        whole = np.concatenate(self._blocks)
        self._blocks, self._gathered = [], 0
        plain = whole if whole.dtype == np.float32 else whole.astype(np.float32) / 32_768.0
        return self._watch.check(plain, now if self._tells_the_rate(now) else None)

    def _tells_the_rate(self, now: float) -> bool:
        """Whether a piece arrives as fast as it was spoken: not in a file, and not while a client catches up."""
        if not self._live:
            return False
        if self._slow_pieces_left:
            in_time = now - self._piece_at >= 0.8 * PIECE_S
            self._slow_pieces_left = self._slow_pieces_left - 1 if in_time else CAUGHT_UP
            self._piece_at = now
        return not self._slow_pieces_left
