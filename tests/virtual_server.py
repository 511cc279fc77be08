"""A server and its clients in virtual time, and an engine that computes only when a test lets it."""

import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from waiting import DEADLINE_S

from emoscope.streamer.server import Server, serving
from emoscope.streamer.session.requests import Encode, Request, Result
from emoscope.streamer.testing import CONTRACT, FakeEngine, run_in_virtual_time

T = TypeVar("T")


class HeldEngine(FakeEngine):
    """Computes nothing until `release`, however long that takes."""

    def __init__(self) -> None:
        super().__init__()
        self.released = threading.Event()

    def release(self) -> None:
        self.released.set()

    def __call__(self, requests: Sequence[Request]) -> list[Result]:
        assert self.released.wait(DEADLINE_S), "the test never released the engine"
        return super().__call__(requests)


class AnswersTwice(HeldEngine):
    """Answers loud windows twice, which no session accepts."""

    def __call__(self, requests: Sequence[Request]) -> list[Result]:
        results = super().__call__(requests)
        loud = [isinstance(asked, Encode) and np.abs(asked.audio).max() > 0.9 for asked in requests]
        return results + [result for result, wrong in zip(results, loud, strict=True) if wrong]


def serve_virtually(talk: Callable[[Server], Awaitable[T]], engine: FakeEngine | None = None, **options: Any) -> T:
    """Run `talk` with a server. Time stands still while the engine computes, and jumps while everybody waits."""
    used = FakeEngine() if engine is None else engine
    servers: list[Server] = []

    def computing() -> bool:
        if isinstance(used, HeldEngine) and not used.released.is_set():
            return False
        connections = (connection for server in servers for connection in server.registry.connections)
        return any(channel.session.pending() for connection in connections for channel in connection.session.channels)

    async def serve() -> T:
        async with serving((CONTRACT, used), **options) as server:
            servers.append(server)
            try:
                return await talk(server)
            finally:
                if isinstance(used, HeldEngine):
                    used.release()

    return run_in_virtual_time(serve(), busy=computing)
