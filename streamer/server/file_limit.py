"""How many file descriptors the process may still open: a socket that finds none cannot even be told so."""

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

RESERVE = 16  # descriptors that are kept for answers, the engine and the store
REPORT_S = 10.0  # between two lines about the same
OUT_OF_FILES = "socket.accept() out of system resource"  # asyncio's words for it


def raise_limit(wanted: int) -> None:
    """Raise this process's own limit to `wanted` descriptors, or as far as the system allows without asking."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def has_files() -> bool:
    """Whether one more connection leaves enough of them; True where the system does not tell.

    A new descriptor gets the lowest number that is free, so that its number says how many are left at most.
    """
    if sys.platform == "win32":
        return True
    import resource

    try:
        lowest = os.open(os.devnull, os.O_RDONLY)
    except OSError:
        return False
    os.close(lowest)
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft == resource.RLIM_INFINITY or lowest + RESERVE <= soft


class OutOfFiles:
    """Handles what an event loop reports: that no connection could be accepted becomes one line every few seconds.

    asyncio reports it, with a traceback, as often as the backlog of the socket is long.
    """

    def __init__(
        self,
        report: Callable[[str], None],
        clock: Callable[[], float],
        otherwise: Callable[[Any, dict[str, Any]], object] | None = None,
    ) -> None:
        """otherwise: the handler of everything else; None for the loop's own."""
        self._report, self._clock, self._next_at = report, clock, float("-inf")
        self._otherwise = otherwise

    def __call__(self, loop: Any, context: dict[str, Any]) -> None:
        """As `loop.set_exception_handler` takes it."""
        if context.get("message") != OUT_OF_FILES:
            if self._otherwise is None:
                loop.default_exception_handler(context)
            else:
                self._otherwise(loop, context)
        elif (now := self._clock()) >= self._next_at:
            self._next_at = now + REPORT_S
            self._report(f"no file descriptor is left, so new clients wait: raise the limit ({context['exception']})")
