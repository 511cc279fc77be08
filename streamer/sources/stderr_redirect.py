"""Redirects file descriptor 2 to a log file. ALSA and PortAudio write to it directly, which corrupts the screen."""

import io
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TextIO, cast

_lock = Lock()
_users = 0
_screens = 0
_saved_fd = -1


class _Bypass(io.TextIOBase):
    """`sys.stderr` while descriptor 2 is redirected. Python's own messages still reach the original descriptor."""

    def __init__(self, before: TextIO) -> None:
        self.before = before

    def write(self, text: str) -> int:
        data = text.encode(self.before.encoding or "utf-8", "replace")
        with _lock:
            target = _saved_fd if _saved_fd >= 0 else 2
            while data:
                data = data[os.write(target, data) :]
        return len(text)

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return os.isatty(_saved_fd if _saved_fd >= 0 else 2)


def log_path() -> Path:
    """The log file: one per user, in the system's folder for temporary files."""
    return Path(tempfile.gettempdir()) / f"emoscope-{os.getuid() if hasattr(os, 'getuid') else 'user'}.log"


@contextmanager
def quiet_stderr(*, screen: bool = False) -> Iterator[None]:
    """Redirect file descriptor 2 to the log while at least one thread is inside this context.

    Only C code is silenced: Python's `sys.stderr` still works, except while a `screen` is shown, which any line would
    corrupt.
    """
    global _users, _screens, _saved_fd  # noqa: PLW0603 - a process has one descriptor 2
    with _lock:
        if _users == 0:
            _saved_fd = _redirect()
        _users, _screens = _users + 1, _screens + screen
        _update_bypass()
    try:
        yield
    finally:
        with _lock:
            _users, _screens = _users - 1, _screens - screen
            _update_bypass()
            if _users == 0 and _saved_fd >= 0:
                _flush()
                os.dup2(_saved_fd, 2)
                os.close(_saved_fd)
                _saved_fd = -1


def _update_bypass() -> None:
    """Let Python's own messages bypass the log, or stop that."""
    bypass = _users > 0 and _screens == 0 and _saved_fd >= 0
    if isinstance(sys.stderr, _Bypass):
        if not bypass:
            sys.stderr = sys.stderr.before
    elif bypass and _writes_to_fd_2(sys.stderr):
        _flush()
        sys.stderr = cast(TextIO, _Bypass(sys.stderr))


def _writes_to_fd_2(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.fileno() == 2
    except (OSError, ValueError):
        return False


def _redirect() -> int:
    """Redirect descriptor 2 and return a duplicate of the original; -1 when there is none."""
    _flush()
    try:
        kept = os.dup(2)
    except OSError:
        return -1
    sink = _open_log()
    os.dup2(sink, 2)
    os.close(sink)
    return kept


def _flush() -> None:
    if sys.stderr is not None and not sys.stderr.closed:
        sys.stderr.flush()


def _open_log() -> int:
    # O_NOFOLLOW: another user's symbolic link in the shared folder must not redirect the log.
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
    try:
        return os.open(log_path(), flags, 0o600)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY)
