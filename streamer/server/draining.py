"""How a server goes: finals, goodbyes, what runs beside, each by its share of one deadline, whatever hangs."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .hub import Hub

STEP_S = 0.05

# Shares of the time, by which each stage is over.
GIVEN_UP = 0.65  # what is still computed for a session that is read out
FINALS = 0.7
GOODBYES = 0.85  # sockets that do not close are cut
STORED = 0.92  # what the sockets left behind
BESIDE = 0.98  # recognizers, engine, store


class Deadline:
    """Begins now."""

    def __init__(self, within_s: float) -> None:
        self.within_s = within_s
        self._began = time.monotonic()

    def left_s(self, share: float = 1.0) -> float:
        """Seconds until that share of the time is over."""
        return max(0.0, self._began + share * self.within_s - time.monotonic())


async def ended(*work: Awaitable[object], within_s: float) -> bool:
    """Wait so long for all of it, and then no longer, even for what does not let itself be cancelled."""
    tasks = [asyncio.ensure_future(one) for one in work]
    done, late = await asyncio.wait(tasks, timeout=within_s)
    for task in late:
        task.cancel()
    for task in done:
        if not task.cancelled():
            task.exception()  # looked at: nobody is left whom it would concern
    return not late


async def aside(work: Callable[[], object]) -> None:
    """Blocking work in a thread of its own, which nothing waits for when the process ends."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def run() -> None:
        try:
            work()
        finally:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(done.set)

    Thread(target=run, name="emoscope closing", daemon=True).start()
    await done.wait()


async def drain(hub: "Hub", deadline: Deadline) -> None:
    """Finals out, then `shutting_down`; where another server can go on, sessions are stored instead of ended."""
    elsewhere = hub.store.outlives
    last = [link for link in hub.links if link.stream.finishing or (link.stream.begun and not elsewhere)]
    for link in last:
        with hub.apart(link):
            link.going = not link.stream.finishing
            link.finish(deadline.left_s(GIVEN_UP))
    while deadline.left_s(FINALS) and any(not link.leaving for link in last):
        await asyncio.sleep(STEP_S)
    while hub.links and deadline.left_s(GOODBYES):
        for link in list(hub.links):
            resumable = elsewhere and link.stream.begun
            with hub.apart(link):
                link.end("shutting_down", "the server is going down", close=1012 if resumable else None)
        await asyncio.sleep(STEP_S)
