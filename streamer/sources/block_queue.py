"""Blocks of samples between whoever captures them and the one thread that reads them: bounded, and without a lock."""

from collections import deque
from contextlib import suppress
from threading import Event
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Block = npt.NDArray[np.generic]


class Taken(NamedTuple):
    """What was taken at once.

    blocks     in their order, one continuing the other
    lost       frames before the first of them that were dropped from the full queue
    newest_at  the time with which the newest of them was put
    """

    blocks: list[Block]
    lost: int
    newest_at: float


class BlockQueue:
    """One thread puts blocks, another takes them. `put` never waits: a full queue drops its oldest block.

    capacity  frames that are held at most

    A deque's `append` and `popleft` are atomic, so neither side needs a lock, which a sound card's thread must not wait
    for. Every block carries the number of its first frame, so the reader sees what was dropped.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.captured = 0
        """Frames that were put so far."""
        self.taken = 0
        """Frames that were taken or dropped so far."""
        self._blocks: deque[tuple[int, float, Block]] = deque()
        self._wake = Event()

    @property
    def waiting(self) -> int:
        """Frames that were put and neither taken nor found to be dropped."""
        return self.captured - self.taken

    def put(self, block: Block, at: float) -> None:
        """Append a block (n, channels) that nobody writes to any more, captured at the time `at`."""
        self._blocks.append((self.captured, at, block))
        self.captured += len(block)
        with suppress(IndexError):  # the reader has emptied it meanwhile
            while self.captured - self._blocks[0][0] > self.capacity:
                self._blocks.popleft()
        self._wake.set()

    def wake(self) -> None:
        """Let `wait` return at once: something other than a block has happened."""
        self._wake.set()

    def wait(self, timeout_s: float) -> None:
        """Wait until there is a block, or `wake` is called, but not longer than that."""
        if not self._blocks:
            self._wake.wait(timeout_s)
        self._wake.clear()

    def take(self, most: int) -> Taken:
        """The oldest blocks: those that begin within `most` frames, and none that follows a gap."""
        blocks: list[Block] = []
        lost, count, newest_at = 0, 0, 0.0
        while count < most:
            try:
                first, at, block = self._blocks.popleft()
            except IndexError:
                break
            if first > self.taken:
                if blocks:  # the lost frames are reported with the block after them
                    self._blocks.appendleft((first, at, block))
                    break
                lost = first - self.taken
            self.taken = first + len(block)
            count += len(block)
            blocks.append(block)
            newest_at = at
        return Taken(blocks, lost, newest_at)
