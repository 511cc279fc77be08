"""Wall time, for the edges that need it; `emoscope.streamer.testing` has one that does not wait."""

import time
from typing import Protocol


class Clock(Protocol):
    """Seconds that only go up, and a way to let them pass."""

    def now(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


class WallClock:
    """The real one."""

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
