"""Ending in time when a signal asks for it: SIGTERM, SIGHUP and Ctrl+C."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from threading import Event, Thread
from types import TracebackType
from typing import Self

LOG_TIMEOUT_S = 0.2  # for a last line: whoever reads the log may be stuck as well
SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextlib.contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP raise KeyboardInterrupt as Ctrl+C does: the session is read out, and its files are whole."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = {}
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None:
            with contextlib.suppress(ValueError):  # not the main thread: it gets no signals
                before[number] = signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class GracefulShutdown:
    """A time limit for ending after SIGTERM or Ctrl+C, in force while it is entered, in the main thread.

    timeout_s   counted from the first signal; a process that has not left the block by then is ended, with exit code 0
    on_timeout  called before that with a message, for at most `LOG_TIMEOUT_S`

    Further signals change nothing. The time is kept by a thread that shares nothing with the rest: a store, a
    recognizer, an engine or an event loop that hangs does not hold it up.
    """

    def __init__(self, timeout_s: float, on_timeout: Callable[[str], object] = lambda message: None) -> None:
        self.timeout_s, self._on_timeout = timeout_s, on_timeout
        self._signalled_at: float | None = None
        self._callback: Callable[[], object] | None = None
        # A signal may come anywhere, even while this thread holds a lock: its handler only writes to a pipe.
        self._read_end, self._write_end = os.pipe()
        self._over = Event()
        self._before = {number: signal.getsignal(number) for number in SIGNALS}

    def on_signal(self, callback: Callable[[], object]) -> None:
        """From now on the signal calls this, which must not wait for anything; before, it ends the process at once."""
        self._callback = callback

    @property
    def left_s(self) -> float:
        """Seconds that are left; all of them before the signal."""
        spent_s = 0.0 if self._signalled_at is None else time.monotonic() - self._signalled_at
        return max(0.0, self.timeout_s - spent_s)

    def __enter__(self) -> Self:
        Thread(target=self._keep_time, name="emoscope deadline", daemon=True).start()
        self.handle_signals()
        return self

    def handle_signals(self) -> None:
        """Take the signals, also back from a library that has put its own handlers in place."""
        for number in SIGNALS:
            signal.signal(number, self._handle)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._over.set()
        os.close(self._write_end)

    def _handle(self, number: int, frame: object) -> None:
        if self._signalled_at is not None:
            return
        self._signalled_at = time.monotonic()
        os.write(self._write_end, b"!")
        if self._callback is None:
            raise SystemExit(0)
        self._callback()

    def _keep_time(self) -> None:
        signalled = os.read(self._read_end, 1)
        os.close(self._read_end)
        if not signalled or self._over.wait(self.left_s):
            return
        message = f"{self.timeout_s:g} s are over: what was still going on is given up"
        last = Thread(target=self._on_timeout, args=(message,), daemon=True)
        last.start()
        last.join(LOG_TIMEOUT_S)
        os._exit(0)
