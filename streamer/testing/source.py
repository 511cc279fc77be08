"""A live source for tests."""

from collections.abc import Callable
from time import sleep

import numpy as np

from ..protocol.config import SAMPLE_RATE
from ..session.vad import Samples
from ..sources.microphone import Captured


class FakeSource:
    """A live source with prepared audio: `read` returns the next block at once.

    audio    (n,) samples at 16 kHz
    then     what follows the last block: "silence" for ever, an exception that `read` raises, or None for the end
    block    samples in one block
    pause_s  how long `read` waits before it returns a block
    sleep    how it waits: `FakeClock.sleep` makes the pauses virtual

    `held` and `closed` show whether `hold` and `close` were called.
    """

    def __init__(
        self,
        audio: Samples,
        *,
        then: BaseException | str | None = None,
        block: int = 800,
        pause_s: float = 0.0,
        sleep: Callable[[float], None] = sleep,
    ) -> None:
        self.name, self.sample_rate, self.channels, self.waiting_s = "fake", SAMPLE_RATE, 1, 0.0
        self.blocks = [audio[i : i + block, None] for i in range(0, len(audio), block)]
        self.then, self.pause_s, self.closed, self.held = then, pause_s, False, False
        self._sleep = sleep

    def read(self, timeout_s: float) -> Captured | None:
        """The next block, or None when the audio has ended."""
        if self.pause_s:
            self._sleep(self.pause_s)
        if self.blocks:
            return Captured(self.blocks.pop(0))
        if isinstance(self.then, BaseException):
            raise self.then
        if self.then == "silence":
            self._sleep(min(timeout_s, 0.01))
            return Captured(np.zeros((160, 1), np.float32))
        return None

    def hold(self, held: bool) -> None:
        """Pause or resume; `held` shows which."""
        self.held = held

    def close(self) -> None:
        """Release nothing; `closed` shows that this was called."""
        self.closed = True
