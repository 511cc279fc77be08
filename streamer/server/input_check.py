"""Warnings about one client's input: `InputWatch`, given the samples in larger pieces than they come in."""

from typing import Any

import numpy as np

from ..protocol.config import Config
from ..protocol.events import WarningEvent
from ..runtime.input_watch import InputWatch

PIECE_S = 0.5  # a check costs as much for a short piece as for a long one, and half a second delays no warning much


class InputCheck:
    """Made with the first audio, when the config is fixed."""

    def __init__(self, config: Config) -> None:
        self._watch = InputWatch(config.sample_rate)
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
        return self._watch.check(plain, now if self._live else None)
