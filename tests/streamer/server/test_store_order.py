"""Writes to Redis that are held up on their way: the newest state stays, whatever arrives when."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from raw_client import LONG, Raw, alone, eventually, lasting, raw
from waiting import DEADLINE_S

from emoscope.streamer.server import Store, StoreUnavailable, redis_store, serving
from emoscope.streamer.server.checkpoints import open_store
from emoscope.streamer.testing import CONTRACT, FakeEngine, differences

FAKE = (CONTRACT, FakeEngine())
TIMEOUT_S = 0.4
TOKEN = b"hash of a token"


class SlowWay:
    """A way to Redis on which what is sent while `held` waits, by connection, until `let_go`; nothing is lost."""

    def __init__(self, target: str) -> None:
        self.target, self.held = target, False
        self._go = asyncio.Event()
        self._pumps: set[asyncio.Task[None]] = set()
        self._stuck: list[asyncio.Task[None]] = []
        self.waiting = b""

    def let_go(self) -> None:
        self.held = False
        self._go.set()

    async def deliver(self) -> None:
        """Let go, and wait until Redis has handled what was held up.

        Redis closes a connection whose sender has given up, and it does so after the last command on it.
        """
        assert self._stuck
        self.let_go()
        async with asyncio.timeout(DEADLINE_S):
            await asyncio.gather(*self._stuck)

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_redis, to_redis = await asyncio.open_unix_connection(self.target)
        down = asyncio.ensure_future(self._down(from_redis, writer))
        up = asyncio.ensure_future(self._up(reader, to_redis, down))
        for task in (up, down):
            self._pumps.add(task)
            task.add_done_callback(self._pumps.discard)

    async def _up(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answers: asyncio.Task[None]
    ) -> None:
        stuck = self.held
        while data := await reader.read(65_536):
            if stuck or self.held:  # a connection that is stuck stays so
                stuck = True
                self.waiting += data
                self._stuck.append(answers)
                await self._go.wait()
            with suppress(ConnectionError):
                writer.write(data)
        # Its sender has given up: what was on its way still arrives.
        with suppress(ConnectionError):
            writer.write_eof()

    @staticmethod
    async def _down(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                writer.write(data)
        writer.close()


@asynccontextmanager
async def slow_way(redis_url: str) -> AsyncIterator[tuple[SlowWay, str]]:
    """The way, and the address of a Redis at its end."""
    way = SlowWay(redis_url.removeprefix("unix://"))
    server = await asyncio.start_server(way.accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield way, f"redis://127.0.0.1:{port}/0"
    finally:
        way.let_go()
        server.close()


def impatient_store(url: str) -> Store:
    """A store that gives a write up after TIMEOUT_S."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redis_store, "TIMEOUT_S", TIMEOUT_S)
        return open_store(url, 1)


async def held_up(way: SlowWay, url: str, session_id: str, revision: int, owner: str = "a") -> None:
    """A write that is on its way still when its sender has given it up."""
    store = impatient_store(url)

    async def connected() -> bool:
        with suppress(StoreUnavailable):
            await store.check()
            return True
        return False

    await eventually(connected)
    way.held = True
    with pytest.raises(StoreUnavailable):
        await store.put(session_id, TOKEN, b"revision %d" % revision, owner, 60.0, revision)
    assert b"revision %d" % revision in way.waiting
    way.held = False
    await store.close()


def test_a_write_that_was_held_up_does_not_undo_a_later_one(redis_url: str) -> None:
    async def write() -> bytes | None:
        async with slow_way(redis_url) as (way, url):
            store = open_store(url, 1)
            await store.check()
            await held_up(way, url, "held", 1)
            assert await store.put("held", TOKEN, b"revision 2", "a", 60.0, 2)
            await way.deliver()
            record = await store.take("held", TOKEN, "b")
            await store.remove("held", "b")
            await store.close()
            return record

    assert asyncio.run(write()) == b"revision 2"


def test_a_write_that_was_held_up_brings_no_session_back_that_is_over(redis_url: str) -> None:
    async def write() -> tuple[bytes | None, bool]:
        async with slow_way(redis_url) as (way, url):
            store = open_store(url, 1)
            assert await store.put("over", TOKEN, b"revision 1", "a", 60.0, 1)
            await held_up(way, url, "over", 2)
            await store.remove("over", "a")
            await way.deliver()
            found = await store.take("over", TOKEN, "b"), await store.put("over", TOKEN, b"3", "a", 60.0, 3)
            await store.close()
            return found

    assert asyncio.run(write()) == (None, False)


def test_an_owner_that_comes_again_is_another(redis_url: str) -> None:
    """From the first server to the second and back: what the first still had on its way is of its first time."""

    async def write() -> bytes | None:
        async with slow_way(redis_url) as (way, url):
            store, other = open_store(url, 1), open_store(redis_url, 1)
            await other.put("moved", TOKEN, b"revision 1", "first server, first time", 60.0, 1)
            await held_up(way, url, "moved", 9, "first server, first time")
            assert await other.take("moved", TOKEN, "second server") == b"revision 1"
            assert await other.take("moved", TOKEN, "first server, second time") == b"revision 1"
            await way.deliver()
            assert not await store.put("moved", TOKEN, b"late", "first server, first time", 60.0, 10)
            record = await store.take("moved", TOKEN, "c")
            await store.remove("moved", "c")
            for one in (store, other):
                await one.close()
            return record

    assert asyncio.run(write()) == b"revision 1"


def test_what_was_acknowledged_is_there_although_an_older_write_came_last(redis_url: str) -> None:
    """The connection to Redis stalls in mid-stream; another server goes on from the audio that was acknowledged."""

    async def talk() -> tuple[Raw, Raw, float, float]:
        async with (
            slow_way(redis_url) as (way, url),
            serving(FAKE, store=impatient_store(url)) as one,
            serving(FAKE, store=open_store(redis_url, 1)) as two,
            raw(one.url) as first,
        ):
            await first.say("session.update", config={"pace": "fast"})
            await first.audio(LONG[:32_000], 800)
            await first.until_acknowledged(0.5)
            way.held = True  # what is written now gets stuck
            await first.audio(LONG[32_000:64_000], 800)
            await eventually(lambda: way.waiting)
            way.held = False  # by other connections there is a way again
            await first.audio(LONG[64_000:96_000], 800)
            safe_s = await first.until_acknowledged(4.5)
            await way.deliver()
            async with raw(two.url) as second:
                resumed = await second.go_on(first)
                await second.audio(LONG[round(resumed.audio_s * 16_000) :], 800)
                await second.finished()
            first.socket.transport.abort()
            return first, second, safe_s, resumed.audio_s

    first, second, safe_s, from_s = asyncio.run(talk())
    assert from_s >= safe_s
    assert differences(lasting(first.events) + lasting(second.events), lasting(alone(LONG))) == []
