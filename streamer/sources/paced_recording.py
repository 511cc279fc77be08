"""A recording as a live source: its samples arrive in real time or at another speed, and it can pause."""

import time
from pathlib import Path

import numpy as np

from ..protocol.text import clean, printable
from .input_format import AS_IT_IS, InputFormat
from .microphone import Captured
from .recordings import Recording

BLOCK_S = 0.05  # up to four times real time; longer above, to limit the number of blocks per second


class PacedRecording:
    """Raises UnreadableAudio when it is opened, or after the last readable block of a truncated file."""

    def __init__(self, path: Path, speed: float = 1.0, format: InputFormat = AS_IT_IS) -> None:
        self._recording = Recording(path, format)
        self.name, self.speed = clean(printable(path)), speed
        self.sample_rate, self.channels = self._recording.sample_rate, self._recording.channels
        self.sixteen_bits = self._recording.sixteen_bits
        self._block_s = min(1.0, BLOCK_S * max(1.0, speed / 4))
        self._blocks = self._recording.blocks(self._block_s)
        self._due_from: float | None = None
        self._held = False
        self.waiting_s = 0.0

    def read(self, timeout_s: float) -> Captured | None:
        """The next block when it is due, otherwise nothing after `timeout_s`; None at the end."""
        now = time.monotonic()
        if self._due_from is None:
            self._due_from = now
        # A block is due at its end. After a late read the remaining blocks do not all become due at once.
        self._due_from = max(self._due_from, now - 1.0)
        due = self._due_from + self._block_s / self.speed
        if self._held or due - now > timeout_s:
            time.sleep(timeout_s)
            if self._held:
                self._due_from = None
            return Captured(np.zeros((0, self.channels), np.float32))
        if due > now:
            time.sleep(due - now)
        self._due_from = due
        block = next(self._blocks, None)
        return None if block is None else Captured(block)

    def hold(self, held: bool) -> None:
        """Pause or continue."""
        self._held = held

    def close(self) -> None:
        """Close the file."""
        self._recording.close()
