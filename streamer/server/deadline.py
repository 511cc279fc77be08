"""One deadline for a whole shutdown, and waiting that ends by it whatever hangs."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from threading import Thread


class Deadline:
    """Begins when it is made, by the clock of the running event loop."""

    def __init__(self, within_s: float) -> None:
        self.within_s = within_s
        self._clock = asyncio.get_running_loop().time
        self._began = self._clock()

    def left_s(self, share: float = 1.0) -> float:
        """Seconds until that share of the time is over."""
        return max(0.0, self._began + share * self.within_s - self._clock())


async def wait_all(*work: Awaitable[object], timeout_s: float) -> bool:
    """Wait for all of it, at most `timeout_s`, even for tasks that cannot be cancelled; false after the timeout."""
    tasks = [asyncio.ensure_future(one) for one in work]
    done, late = await asyncio.wait(tasks, timeout=timeout_s)
    for task in late:
        task.cancel()
    for task in done:
        if not task.cancelled():
            task.exception()  # marks the exception as seen: at shutdown nobody is left to handle it
    return not late


async def run_in_thread(work: Callable[[], object]) -> None:
    """Run blocking work in a daemon thread of its own, which does not keep the process from ending."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def run() -> None:
        try:
            work()
        finally:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(done.set)

    Thread(target=run, name="emoscope aside", daemon=True).start()
    await done.wait()
