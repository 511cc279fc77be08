"""Free memory goes back to the system.

glibc gives back by itself only what lies at the end of its heap, and keeps what is free between two blocks: a server
whose sessions have ended would stay as large as it was with most of them.
"""

import ctypes
import sys


def give_back() -> None:
    """Give back all that is free, some milliseconds of work for 100 MB; nothing happens where glibc is not used."""
    if sys.platform != "linux":
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
    if trim is not None:
        trim(0)
