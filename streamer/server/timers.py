"""What a server does many times a second, and once a second."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from ..runtime.free_memory import give_back
from .deadline import run_in_thread
from .failures import ModelFailures
from .feed.feeds import Feeds
from .inference import Inference
from .metrics import Metrics
from .registry import SessionRegistry
from .store import Store

TICK_S = 0.05
CHECK_STORE_S = 5.0
GIVE_BACK_S = 10.0
GIVE_BACK_ANYWAY_S = 60.0


async def run_timers(
    registry: SessionRegistry, inference: Inference, failures: ModelFailures, feeds: Feeds, metrics: Metrics
) -> None:
    """Until it is cancelled."""
    loop = asyncio.get_running_loop()
    next_second = loop.time() + 1.0
    while True:
        due = loop.time() + TICK_S
        await asyncio.sleep(TICK_S)
        now = loop.time()
        metrics.loop_delay.observe(max(0.0, now - due))
        failures.watch()
        inference.expire()
        for connection in list(registry.connections):
            try:
                connection.tick(now)
            except Exception:
                with connection.isolate_faults():  # entered only now: it costs more than a tick
                    raise
        feeds.pump()
        if now >= next_second:
            next_second = now + 1.0
            inference.observe_batches()
            feeds.check(now)


async def watch_store(store: Store, report: Callable[[str], None]) -> None:
    """Check every few seconds whether the store answers, until cancelled; `report` takes the failure, or ""."""
    while True:
        try:
            await store.check()
        except Exception as error:
            report(str(error) or type(error).__name__)
        else:
            report("")
        await asyncio.sleep(CHECK_STORE_S)


@dataclass
class GiveBackRule:
    """When free memory is given back: a few seconds after connections were closed, and once a minute anyway.

    What live sessions free lies between what they keep, so that the heap of a server that nobody leaves grows too.

    closed  connections that had been closed when it was last given back
    at      when that was, on the event loop's clock
    """

    closed: int
    at: float

    def due(self, closed: int, now: float) -> bool:
        """Whether it is time again; it is then taken as done."""
        if closed == self.closed and now < self.at + GIVE_BACK_ANYWAY_S:
            return False
        self.closed, self.at = closed, now
        return True


async def give_back_memory(registry: SessionRegistry) -> None:
    """Give back what is free when `GiveBackRule` says so, until cancelled."""
    loop = asyncio.get_running_loop()
    rule = GiveBackRule(registry.closed, loop.time())
    while True:
        await asyncio.sleep(GIVE_BACK_S)
        if rule.due(registry.closed, loop.time()):
            await run_in_thread(give_back)
