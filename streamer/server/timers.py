"""What a server does many times a second, and once a second."""

import asyncio
from collections.abc import Callable

from ..runtime.free_memory import give_back
from .deadline import run_in_thread
from .feed.feeds import Feeds
from .inference import Inference
from .metrics import Metrics
from .registry import SessionRegistry
from .store import Store

TICK_S = 0.05
CHECK_STORE_S = 5.0
GIVE_BACK_S = 10.0


async def run_timers(registry: SessionRegistry, inference: Inference, feeds: Feeds, metrics: Metrics) -> None:
    """Until it is cancelled."""
    loop = asyncio.get_running_loop()
    next_second = loop.time() + 1.0
    while True:
        due = loop.time() + TICK_S
        await asyncio.sleep(TICK_S)
        now = loop.time()
        metrics.loop_delay.observe(max(0.0, now - due))
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


async def give_back_memory(registry: SessionRegistry) -> None:
    """Every few seconds, where connections were closed since then, give their memory back; until cancelled."""
    closed = registry.closed
    while True:
        await asyncio.sleep(GIVE_BACK_S)
        if registry.closed != closed:
            closed = registry.closed
            await run_in_thread(give_back)
