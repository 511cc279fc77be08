"""C libraries write to the terminal behind Python's back: ALSA and PortAudio do. While a screen is up that tears it."""

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
_kept = -1


class _Aside(io.TextIOBase):
    """`sys.stderr` while descriptor 2 is redirected: what Python says still comes to where it went before."""

    def __init__(self, before: TextIO) -> None:
        self.before = before

    def write(self, text: str) -> int:
        data = text.encode(self.before.encoding or "utf-8", "replace")
        with _lock:
            place = _kept if _kept >= 0 else 2
            while data:
                data = data[os.write(place, data) :]
        return len(text)

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return os.isatty(_kept if _kept >= 0 else 2)


def log_path() -> Path:
    """Where such lines go: one file a user, in the system's place for files that need not last."""
    return Path(tempfile.gettempdir()) / f"emoscope-{os.getuid() if hasattr(os, 'getuid') else 'user'}.log"


@contextmanager
def quiet_stderr(*, screen: bool = False) -> Iterator[None]:
    """File descriptor 2 goes to the log for as long as anyone, in any thread, has this open.

    Only C code is silenced: what Python writes to `sys.stderr` still comes through. Under a `screen` that is not so,
    since any line would tear it.
    """
    global _users, _screens, _kept  # noqa: PLW0603 - there is one descriptor 2 in a process
    with _lock:
        if _users == 0:
            _kept = _redirect()
        _users, _screens = _users + 1, _screens + screen
        _point()
    try:
        yield
    finally:
        with _lock:
            _users, _screens = _users - 1, _screens - screen
            _point()
            if _users == 0 and _kept >= 0:
                _flush()
                os.dup2(_kept, 2)
                os.close(_kept)
                _kept = -1


def _point() -> None:
    """Give Python's own lines their way past the log, or take it back."""
    past = _users > 0 and _screens == 0 and _kept >= 0
    if isinstance(sys.stderr, _Aside):
        if not past:
            sys.stderr = sys.stderr.before
    elif past and _is_ours(sys.stderr):
        _flush()
        sys.stderr = cast(TextIO, _Aside(sys.stderr))


def _is_ours(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.fileno() == 2
    except (OSError, ValueError):
        return False


def _redirect() -> int:
    """Where descriptor 2 went before; -1 when there is none to keep quiet."""
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
    # Another user's link in a shared folder must not make us write elsewhere.
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
    try:
        return os.open(log_path(), flags, 0o600)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY)
