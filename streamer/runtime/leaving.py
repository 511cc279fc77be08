"""SIGTERM or Ctrl+C: a wish to go, and the time after which the process is gone, whatever it is doing then."""

import os
import signal
import time
from collections.abc import Callable
from threading import Event, Thread
from types import TracebackType
from typing import Self

LOG_S = 0.2  # for a last line: whoever reads the log may be stuck as well
SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Leaving:
    """In force while it is entered, in the main thread. Further signals change nothing.

    within_s  from the first signal on; who has not left the block by then is ended, with exit code 0
    late      is told so before, if it takes no longer than `LOG_S`

    The time is kept by a thread that shares nothing with the rest: a store, a recognizer, an engine or an event loop
    that hangs does not hold it up.
    """

    def __init__(self, within_s: float, late: Callable[[str], object] = lambda message: None) -> None:
        self.within_s, self._late = within_s, late
        self._told_at: float | None = None
        self._wake: Callable[[], object] | None = None
        # A signal may come anywhere, even while this thread holds a lock: what it does is a write to a pipe.
        self._ear, self._mouth = os.pipe()
        self._over = Event()
        self._before = {number: signal.getsignal(number) for number in SIGNALS}

    def wake(self, call: Callable[[], object]) -> None:
        """From now on the signal calls this; before, it ends the process where it is. Must not wait for anything."""
        self._wake = call

    @property
    def left_s(self) -> float:
        """Seconds that are left."""
        spent_s = 0.0 if self._told_at is None else time.monotonic() - self._told_at
        return max(0.0, self.within_s - spent_s)

    def __enter__(self) -> Self:
        Thread(target=self._keep_time, name="emoscope deadline", daemon=True).start()
        for number in SIGNALS:
            signal.signal(number, self._told)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._over.set()
        os.close(self._mouth)

    def _told(self, number: int, frame: object) -> None:
        if self._told_at is not None:
            return
        self._told_at = time.monotonic()
        os.write(self._mouth, b"!")
        if self._wake is None:
            raise SystemExit(0)
        self._wake()

    def _keep_time(self) -> None:
        told = os.read(self._ear, 1)
        os.close(self._ear)
        if not told or self._over.wait(self.left_s):
            return
        message = f"{self.within_s:g} s are over: what was still going on is given up"
        last = Thread(target=self._late, args=(message,), daemon=True)
        last.start()
        last.join(LOG_S)
        os._exit(0)
