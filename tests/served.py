"""A real server in a thread of the test's own, for clients that are not asyncio's, or in another process."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from waiting import DEADLINE_S

from emoscope.streamer.server import Server, serving
from emoscope.streamer.testing import CONTRACT, FakeEngine


@contextmanager
def served(model: Any = None, **options: Any) -> Iterator[Server]:
    """The server, from now until the block is left; a fake model unless another is given."""
    ready, leave = threading.Event(), threading.Event()
    made: list[Any] = []

    async def live() -> None:
        async with serving(model or (CONTRACT, FakeEngine()), **options) as server:
            made.append(server)
            ready.set()
            while not leave.is_set():
                await asyncio.sleep(0.02)

    def run() -> None:
        try:
            asyncio.run(live())
        except BaseException as error:  # the test's thread tells it
            made.append(error)
            ready.set()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(DEADLINE_S)
    if isinstance(made[0], BaseException):
        raise made[0]
    try:
        yield made[0]
    finally:
        leave.set()
        thread.join(DEADLINE_S)
    assert not thread.is_alive(), "the server did not end"
