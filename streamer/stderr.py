"""C libraries write to the terminal behind Python's back: ALSA and PortAudio do. While a screen is up that tears it."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

_lock = Lock()
_users = 0
_kept = -1


def log_path() -> Path:
    """Where such lines go: one file a user, in the system's place for files that need not last."""
    return Path(tempfile.gettempdir()) / f"emoscope-{os.getuid() if hasattr(os, 'getuid') else 'user'}.log"


@contextmanager
def quiet_stderr() -> Iterator[None]:
    """File descriptor 2 goes to the log for as long as anyone, in any thread, has this open."""
    global _users, _kept  # noqa: PLW0603 - there is one descriptor 2 in a process
    with _lock:
        if _users == 0:
            _kept = _redirect()
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0 and _kept >= 0:
                _flush()
                os.dup2(_kept, 2)
                os.close(_kept)


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
