"""A worker ends with its parent even while a library computes and holds the interpreter's lock.

Standard input of a worker is a pipe into which its parent never writes. The kernel signals the worker when the parent's
end is closed, in whatever way the parent ended, and nothing of Python has to run for it. Linux alone: elsewhere a
worker notices the end of its connection as soon as it may run again.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys

STDIN = subprocess.PIPE if sys.platform == "linux" else subprocess.DEVNULL
"""Standard input with which a worker is started."""


def end_with_parent() -> None:
    """To be called in the worker: from now on it ends as soon as its standard input is closed."""
    if sys.platform != "linux":
        return
    import fcntl

    with contextlib.suppress(OSError):  # started by hand, its input may be anything
        signal.signal(signal.SIGIO, signal.SIG_DFL)
        fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) | os.O_ASYNC)
    ended = select.poll()
    ended.register(0, select.POLLHUP)
    if any(events & select.POLLHUP for _, events in ended.poll(0)):  # before the signal was asked for
        os._exit(0)
