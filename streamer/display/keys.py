"""Single keys from the terminal, without waiting for Return. Where stdin is no terminal there are none."""

import os
import sys
import time
from types import TracebackType
from typing import Any, Self

ESCAPE = "\x1b"


class Keys:
    """While open, keys come one by one and are not echoed; Ctrl+C still interrupts."""

    def __init__(self) -> None:
        self._saved: list[Any] | None = None
        try:
            self._fd = sys.stdin.fileno() if sys.stdin is not None and sys.stdin.isatty() else -1
        except (OSError, ValueError):
            self._fd = -1

    def enter(self) -> None:
        if self._fd < 0 or sys.platform == "win32":
            return
        import termios
        import tty

        self._saved = termios.tcgetattr(self._fd)
        tty.setcbreak(self._fd, termios.TCSANOW)

    def leave(self) -> None:
        if self._saved is None or sys.platform == "win32":
            return
        import termios

        try:
            termios.tcsetattr(self._fd, termios.TCSANOW, self._saved)
        except termios.error:
            return  # the terminal has gone
        finally:
            self._saved = None

    def wait(self, timeout_s: float) -> str:
        """The keys pressed, at once when there are any, else "" after `timeout_s`. Arrows and the like are left out."""
        if sys.platform == "win32":
            return self._wait_windows(timeout_s)
        if self._fd < 0:
            time.sleep(timeout_s)
            return ""
        import select

        ready, _, _ = select.select([self._fd], [], [], timeout_s)
        if not ready:
            return ""
        try:
            typed = os.read(self._fd, 64)
        except OSError:
            typed = b""
        if not typed:  # end of input: no key will come any more
            self._fd = -1
        return typed.decode("utf-8", "ignore") if typed == ESCAPE.encode() or not typed.startswith(b"\x1b") else ""

    def _wait_windows(self, timeout_s: float) -> str:
        if sys.platform != "win32":
            return ""
        import msvcrt

        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            if self._fd >= 0 and msvcrt.kbhit():
                key = msvcrt.getwch()
                if key in ("\x00", "\xe0"):  # a function key: its code follows
                    msvcrt.getwch()
                    return ""
                return key
            time.sleep(0.02)
        return ""

    def __enter__(self) -> Self:
        self.enter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()
