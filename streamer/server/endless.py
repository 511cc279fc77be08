"""Tasks that run as long as their server does."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from .logs import Log

AGAIN_S = 0.5


async def endless(task: Callable[[], Awaitable[None]], log: Log, event: str = "timer") -> None:
    """Run what ends only when it is cancelled, and begin again where it failed; `event` names it in the log.

    Else a server that had no memory for a moment would be without it for the rest of its life.
    """
    while True:
        with suppress(Exception):
            try:
                await task()
            except Exception:
                log.broke(event)
                raise
        try:
            await asyncio.sleep(AGAIN_S)
        except Exception:  # no memory even for that: the others have their turn at least
            await asyncio.sleep(0)
