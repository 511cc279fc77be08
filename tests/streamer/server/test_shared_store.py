"""Sessions in a Redis that servers share: another one goes on after `kill -9`, and no token is written down."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from raw_client import LONG, TALK, Raw, alone, lasting, raw
from redis.asyncio import Redis
from websockets.exceptions import ConnectionClosed

from emoscope.streamer.server import serving
from emoscope.streamer.server.checkpoint import hash_token
from emoscope.streamer.server.checkpoints import open_store
from emoscope.streamer.testing import CONTRACT, FakeEngine, differences, silence

FAKE = (CONTRACT, FakeEngine())

SERVE = """
import asyncio, sys
from emoscope.streamer.server import Server, ServerOptions
from emoscope.streamer.testing import CONTRACT, FakeEngine

async def serve():
    server = Server(CONTRACT, FakeEngine(), ServerOptions(port=0, store=sys.argv[1]))
    await server.start()
    print(server.url, flush=True)
    await asyncio.Event().wait()

asyncio.run(serve())
"""


class Process:
    """A server in a process of its own."""

    def __init__(self, store: str) -> None:
        self.process = subprocess.Popen([sys.executable, "-c", SERVE, store], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        assert self.url.startswith("ws://")

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()


def test_another_server_takes_over_after_kill_9_in_mid_stream(redis_url: str) -> None:
    async def talk(one: Process, two: Process) -> tuple[Raw, Raw, float]:
        async with raw(one.url, open_timeout=60) as first:
            await first.say("session.update", config={"pace": "fast"})
            await first.audio(LONG[:96_000], 800, pause_s=0.002)
            await first.until("emotion.final", 2)
            acknowledged_s = await first.until_acknowledged(2.0, last_seq=1)
            one.kill()
            await first.closed()
        async with raw(two.url, open_timeout=60) as second:
            resumed = await second.go_on(first)
            await second.audio(LONG[round(resumed.audio_s * 16_000) :], 800)
            await second.finished()
            assert resumed.audio_s >= acknowledged_s
            return first, second, resumed.audio_s

    one, two = Process(redis_url), Process(redis_url)
    try:
        first, second, from_s = asyncio.run(talk(one, two))
    finally:
        one.kill()
        two.kill()
    assert 0 < from_s <= 6.0
    together = lasting(first.events) + lasting(second.events)
    assert [e.seq for e in together] == list(range(1, len(together) + 1))
    assert differences(together, lasting(alone(LONG))) == []


def test_a_session_moves_between_two_living_servers_and_the_first_lets_go(redis_url: str) -> None:
    async def talk() -> tuple[int, Raw, Raw]:
        stores = [open_store(redis_url, 10) for _ in range(2)]
        async with (
            serving(FAKE, store=stores[0]) as one,
            serving(FAKE, store=stores[1]) as two,
            raw(one.url) as first,
            raw(two.url) as second,
        ):
            await first.audio(LONG[:40_000])
            await first.until("speech.started")
            await first.until_acknowledged()
            resumed = await second.go_on(first)
            with suppress(ConnectionClosed):
                await first.audio(silence(2.5))  # brings the next write at the latest, and it is refused
            code = await first.closed()
            await second.audio(LONG[round(resumed.audio_s * 16_000) :])
            await second.finished()
            return code, first, second

    code, first, second = asyncio.run(talk())
    assert code == 4409 and "session_taken" in first.errors
    assert [e.type for e in lasting(second.events)][-1] == "session.closed"


def test_what_is_stored_names_no_token(redis_url: str) -> None:
    async def talk() -> tuple[str, list[Any]]:
        async with serving(FAKE, store=open_store(redis_url, 10)) as server, raw(server.url) as client:
            await client.audio(TALK[:32_000])
            await client.until("speech.started")
            await client.until_acknowledged()
            redis = Redis.from_url(redis_url)
            fields = await redis.hgetall(f"emoscope:session:{client.created.session_id}")
            left = await redis.pttl(f"emoscope:session:{client.created.session_id}")
            await redis.aclose()
            assert 0 < left <= 120_000
            return client.created.resume_token or "", list(fields.values())

    token, values = asyncio.run(talk())
    assert values and hash_token(token) in values
    assert not any(token.encode() in value for value in values)
    assert msgspec.msgpack.decode(max(values, key=len))


def test_a_store_that_is_away_stops_acknowledging_and_nothing_else(tmp_path: Path) -> None:
    async def talk() -> Raw:
        store = open_store(f"unix://{tmp_path}/nobody.sock", 10)
        async with serving(FAKE, store=store) as server, raw(server.url) as client:
            await client.audio(TALK)
            await client.say("keepalive")
            await client.until("emotion.final", 1)
            await client.finished()
            return client

    client = asyncio.run(talk())
    assert {e.processed_s for e in client.of("status")} == {0.0}
    assert len(client.of("emotion.final")) == 2
