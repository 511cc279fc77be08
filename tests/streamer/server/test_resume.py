"""A dropped connection loses nothing: on the same server, and on another one after `kill -9`."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import msgspec
import numpy as np
import pytest
from raw_client import TALK, Raw, alone, lasting, raw
from redis.asyncio import Redis
from websockets.exceptions import ConnectionClosed

from emoscope.streamer.events import SessionResumed, Status
from emoscope.streamer.server import MemoryStore, serving
from emoscope.streamer.server.store import open_store
from emoscope.streamer.server.stored import hashed
from emoscope.streamer.testing import CONTRACT, FakeEngine, differences, silence, voice

FAKE = (CONTRACT, FakeEngine())
LONG = np.concatenate([TALK, voice(3.0, 120.0, seed=8), silence(0.9), voice(1.0, seed=9), silence(1.0)])


def without_seq_gaps(events: list) -> list[int]:
    return [event.seq for event in lasting(events)]


async def go_on(client: Raw, first: Raw, last_seq: int | None = None) -> SessionResumed:
    """Resume the session of `first` on this socket."""
    seen = max(without_seq_gaps(first.events), default=0) if last_seq is None else last_seq
    created = first.created
    await client.say("session.resume", session_id=created.session_id, resume_token=created.resume_token, last_seq=seen)
    resumed = await client.until("session.resumed")
    assert isinstance(resumed, SessionResumed)
    return resumed


@pytest.mark.parametrize("cut_s", [0.3, 1.7, 3.1, 4.4, 6.0])
def test_a_session_goes_on_after_a_cut_with_the_same_events(cut_s: float) -> None:
    async def talk() -> tuple[Raw, Raw]:
        async with serving(FAKE) as server:
            async with raw(server.url) as first:
                await first.say("session.update", config={"pace": "fast"})
                await first.audio(LONG[: round(cut_s * 16_000)], 800)
                await asyncio.sleep(0.1)
                await first.cut()
            async with raw(server.url) as second:
                resumed = await go_on(second, first)
                assert resumed.audio_s <= cut_s
                await second.audio(LONG[round(resumed.audio_s * 16_000) :], 800)
                await second.finished()
            return first, second

    first, second = asyncio.run(talk())
    together = lasting(first.events) + lasting(second.events)
    assert differences(together, lasting(alone(LONG))) == []
    assert [e.seq for e in together] == list(range(1, len(together) + 1))


def test_events_that_were_not_acknowledged_come_again_and_acknowledged_ones_do_not() -> None:
    async def talk() -> tuple[Raw, Raw, Raw]:
        async with serving(FAKE) as server:
            async with raw(server.url) as first:
                await first.say("session.update", config={"pace": "fast"})
                await first.audio(LONG)
                await first.until("mood", 4)
                await first.cut()
            async with raw(server.url) as second:
                resumed = await go_on(second, first, 2)
                assert resumed.next_seq == max(without_seq_gaps(first.events)) + 1
                await second.until("mood", 4)
                await second.say("keepalive", last_seq=5)
                await second.until("status")
                await second.cut()
            async with raw(server.url) as third:
                await go_on(third, first, 0)
                await third.finished()
            return first, second, third

    first, second, third = asyncio.run(talk())
    sent = {e.seq: e for e in lasting(first.events)}
    again = lasting(second.events)
    assert [e.seq for e in again] == [seq for seq in sent if seq > 2]
    assert all(sent[e.seq] == e for e in again)
    assert min(without_seq_gaps(third.events)) == 6


def test_anothers_token_opens_nothing_and_disturbs_nobody() -> None:
    async def talk() -> tuple[int, list[str], Raw]:
        async with serving(FAKE) as server, raw(server.url) as owner:
            await owner.audio(TALK[:16_000])
            async with raw(server.url) as thief:
                await thief.say("session.resume", session_id=owner.created.session_id, resume_token="guess", last_seq=0)
                code = await thief.closed()
            await owner.audio(TALK[16_000:])
            await owner.finished()
            return code, thief.errors, owner

    code, errors, owner = asyncio.run(talk())
    assert (code, errors) == (4404, ["resume_unknown"])
    assert [e.type for e in lasting(owner.events)] == [e.type for e in lasting(alone(TALK))]


def test_a_newer_socket_takes_the_session_over() -> None:
    async def talk() -> tuple[int, Raw, Raw]:
        async with serving(FAKE) as server, raw(server.url) as first:
            await first.say("session.update", config={"pace": "fast"})
            await first.audio(LONG[:32_000])
            await first.until("speech.started")
            async with raw(server.url) as second:
                resumed = await go_on(second, first)
                code = await first.closed()
                await second.audio(LONG[round(resumed.audio_s * 16_000) :])
                await second.finished()
                return code, first, second

    code, first, second = asyncio.run(talk())
    assert code == 4409 and first.errors == ["session_taken"]
    assert differences(lasting(first.events) + lasting(second.events), lasting(alone(LONG))) == []


def test_a_session_that_waited_too_long_is_unknown() -> None:
    class Clock:
        now = 0.0

        def __call__(self) -> float:
            return self.now

    clock = Clock()

    async def talk() -> int:
        store = MemoryStore(clock=clock)
        async with serving(FAKE, store=store) as server:
            async with raw(server.url) as first:
                await first.audio(TALK[:16_000])
                await first.until("speech.started")
                await first.cut()
            while not len(store):
                await asyncio.sleep(0.01)
            clock.now = 61.0
            assert len(store) == 0
            async with raw(server.url) as second:
                created = first.created
                await second.say("session.resume", session_id=created.session_id, resume_token=created.resume_token)
                return await second.closed()

    assert asyncio.run(talk()) == 4404


def test_a_resume_must_come_first_and_a_malformed_one_costs_nothing() -> None:
    async def talk() -> tuple[list[str], Raw]:
        async with serving(FAKE) as server:
            async with raw(server.url) as first:
                await first.audio(TALK[:24_000])
                await first.until("speech.started")
                await first.cut()
            created = first.created
            ticket = {"session_id": created.session_id, "resume_token": created.resume_token}
            async with raw(server.url) as second:
                await second.say("session.resume", **ticket, last_seq=[0, 0, 0])
                await second.until("error")
            async with raw(server.url) as third:
                await third.say("keepalive")
                await third.say("session.resume", **ticket, last_seq=0)
                await third.until("error")
            async with raw(server.url) as fourth:
                await go_on(fourth, first)
                await fourth.finished()
            return second.errors + third.errors, fourth

    errors, fourth = asyncio.run(talk())
    assert errors == ["invalid_json", "config_locked"]
    assert fourth.of("emotion.final")


def test_a_session_whose_model_broke_can_be_resumed() -> None:
    class Breaking(FakeEngine):
        broken = True

        def __call__(self, requests):  # type: ignore[no-untyped-def]
            if self.broken:
                raise RuntimeError("out of memory")
            return super().__call__(requests)

    engine = Breaking()

    async def talk() -> tuple[int, Raw, Raw]:
        async with serving((CONTRACT, engine)) as server:
            async with raw(server.url) as first:
                await first.say("session.update", config={"pace": "fast"})
                with suppress(ConnectionClosed):
                    await first.audio(TALK[:48_000])
                code = await first.closed()
            engine.broken = False
            async with raw(server.url) as second:
                resumed = await go_on(second, first)
                await second.audio(TALK[round(resumed.audio_s * 16_000) :])
                await second.finished()
            return code, first, second

    code, first, second = asyncio.run(talk())
    assert code == 1011 and first.errors == ["model_failed"]
    assert differences(lasting(first.events) + lasting(second.events), lasting(alone(TALK))) == []


# --- two servers, one Redis


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
            acknowledged = 0.0
            while acknowledged < 2.0:  # what is acknowledged is stored
                await first.say("keepalive", last_seq=1)
                await asyncio.sleep(0.05)
                acknowledged = max((e.processed_s for e in first.events if isinstance(e, Status)), default=0.0)
            one.kill()
            await first.closed()
        async with raw(two.url, open_timeout=60) as second:
            resumed = await go_on(second, first)
            await second.audio(LONG[round(resumed.audio_s * 16_000) :], 800)
            await second.finished()
            assert resumed.audio_s >= acknowledged
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
            await asyncio.sleep(0.3)
            resumed = await go_on(second, first)
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
    async def talk() -> tuple[str, list[bytes]]:
        async with serving(FAKE, store=open_store(redis_url, 10)) as server, raw(server.url) as client:
            await client.audio(TALK[:32_000])
            await client.until("speech.started")
            await asyncio.sleep(0.3)
            redis = Redis.from_url(redis_url)
            fields = await redis.hgetall(f"emoscope:session:{client.created.session_id}")
            left = await redis.pttl(f"emoscope:session:{client.created.session_id}")
            await redis.aclose()
            assert 0 < left <= 120_000
            return client.created.resume_token or "", list(fields.values())

    token, values = asyncio.run(talk())
    assert values and hashed(token) in values
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


def test_what_a_client_kept_while_it_was_away_is_not_dropped_for_coming_at_once() -> None:
    """Thirty seconds, far past the backlog's limit, at a live pace on a server that takes its time."""

    class Leisurely(FakeEngine):
        def __call__(self, requests):  # type: ignore[no-untyped-def]
            time.sleep(0.15)
            return super().__call__(requests)

    away = np.concatenate([TALK] * 6)

    async def talk() -> tuple[Raw, Raw]:
        async with serving((CONTRACT, Leisurely()), batch=2) as server:
            async with raw(server.url) as first:
                await first.audio(TALK[:16_000])
                await first.until("speech.started")
                await first.cut()
            async with raw(server.url) as second:
                resumed = await go_on(second, first)
                await second.audio(away[round(resumed.audio_s * 16_000) :], 16_000)
                await second.finished()
            return first, second

    first, second = asyncio.run(talk())
    assert not [e for e in second.of("warning") if e.code == "audio_dropped"]
    assert differences(lasting(first.events) + lasting(second.events), lasting(alone(away))) == []
