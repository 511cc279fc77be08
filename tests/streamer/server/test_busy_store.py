"""A Redis that stands still for a moment while more wants to be written than it has connections for."""

import asyncio
import os
import signal

import pytest
from raw_client import eventually
from redis.asyncio import Redis
from waiting import DEADLINE_S

from emoscope.streamer.server import redis_store
from emoscope.streamer.server.checkpoints import open_store

WRITES = 150


def test_writes_wait_for_a_connection_and_none_is_lost(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when all sessions of a server are stored at once."""
    monkeypatch.setattr(redis_store, "TIMEOUT_S", DEADLINE_S)

    async def write() -> tuple[int, int]:
        redis, store, begun = Redis.from_url(redis_url), open_store(redis_url, 1), 0
        pid = (await redis.info("server"))["process_id"]

        async def put(number: int) -> bool:
            nonlocal begun
            begun += 1
            return await store.put(f"one of many {number}", b"hash", b"record", "owner", 60.0, 1)

        os.kill(pid, signal.SIGSTOP)
        try:
            writes = [asyncio.ensure_future(put(number)) for number in range(WRITES)]
            await eventually(lambda: begun == WRITES)
        finally:
            os.kill(pid, signal.SIGCONT)
        stored = await asyncio.gather(*writes)
        await store.check()
        clients = (await redis.info("clients"))["connected_clients"]
        await store.close()
        await redis.aclose()
        return sum(stored), clients

    stored, clients = asyncio.run(write())
    assert stored == WRITES
    assert clients <= redis_store.CONNECTIONS + 1


@pytest.mark.parametrize(
    "url",
    [
        "redis://:word@localhost:6379/2",
        "rediss://localhost/0?ssl_cert_reqs=required",
        "unix:///run/redis.sock?db=3",
        "redis://localhost?max_connections=7",
    ],
)
def test_an_address_of_each_kind_is_understood(url: str) -> None:
    asyncio.run(open_store(url, 1).close())
