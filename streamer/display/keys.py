"""Single key presses from the terminal, without waiting for Return. Without a terminal on stdin there are none."""

import os
import sys
import time
from types import TracebackType
from typing import Any, Self

ESCAPE = "\x1b"


class Keys:
    """Reads keys one by one, without echo. Ctrl+C still raises KeyboardInterrupt."""

    def __init__(self) -> None:
        self._saved: list[Any] | None = None
        try:
            self._fd = sys.stdin.fileno() if sys.stdin is not None and sys.stdin.isatty() else -1
        except (OSError, ValueError):
            self._fd = -1

    def enter(self) -> None:
        """Switch the terminal to single-key input."""
        if self._fd < 0 or sys.platform == "win32":
            return
        import termios
        import tty

        self._saved = termios.tcgetattr(self._fd)
        tty.setcbreak(self._fd, termios.TCSANOW)

    def leave(self) -> None:
        """Restore the terminal's former settings."""
        if self._saved is None or sys.platform == "win32":
            return
        import termios

        try:
            termios.tcsetattr(self._fd, termios.TCSANOW, self._saved)
        except termios.error:
            return  # the terminal was closed
        finally:
            self._saved = None

    def wait(self, timeout_s: float) -> str:
        """Wait for keys and return them, or "" after `timeout_s`. Escape sequences, such as arrow keys, are ignored."""
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
        if not typed:  # end of input
            self._fd = -1
        return typed.decode("utf-8", "ignore") if typed == ESCAPE.encode() or not typed.startswith(b"\x1b") else ""

    def _wait_windows(self, timeout_s: float) -> str:
        if sys.platform != "win32":
            return ""
        import msvcrt

        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self._fd >= 0 and msvcrt.kbhit():
                key = msvcrt.getwch()
                if key in ("\x00", "\xe0"):  # a function key, followed by its code
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
