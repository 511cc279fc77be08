"""Faults of the server in one session, and further ones while they are handled: the session can be resumed, and
nobody else notices.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from observing import TOKEN
from phone_calls import twilio_start
from raw_client import LONG, TALK, Raw, alone, begin_together, eventually, lasting, raw
from virtual_server import AnswersTwice
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from emoscope.streamer import Session, VadConfig
from emoscope.streamer.server import MemoryStore, Server, serving
from emoscope.streamer.server.checkpoints import Checkpoints, open_store
from emoscope.streamer.server.client_session import ClientSession
from emoscope.streamer.server.connection import Connection
from emoscope.streamer.session.session import Output
from emoscope.streamer.testing import CONTRACT, FakeEngine, differences

FAKE = (CONTRACT, FakeEngine())


class Kept(MemoryStore):
    """As a store that another server could read; what was taken from it stays there."""

    outlives = True

    async def take(self, session_id: str, token_hash: bytes, owner: str) -> bytes | None:
        found = self._records.get(session_id)
        record = await super().take(session_id, token_hash, owner)
        if found is not None and record is not None:
            self._records[session_id] = found
        return record


def no_memory(*_: object, **__: object) -> None:
    raise MemoryError


def held_by(server: Server, client: Raw) -> Connection:
    """The client's connection on the server."""
    connection = server.registry.holder(client.created.session_id)
    assert connection is not None
    return connection


# --- the others


def test_a_fault_whose_report_fails_leaves_the_results_of_the_others_in_its_batch() -> None:
    """The faulty session is first in the queue; there is no memory to tell its client."""
    engine = AnswersTwice()

    async def talk() -> tuple[int, Raw]:
        async with serving((CONTRACT, engine)) as server, raw(server.url) as bad, raw(server.url) as good:
            await begin_together(bad, good)
            held_by(server, bad).end = no_memory  # type: ignore[method-assign]
            engine.release()
            await good.audio(TALK[56_000:])
            await good.finished()
            return await bad.closed(), good

    code, good = asyncio.run(talk())
    assert code == 1006
    assert differences(lasting(good.events), lasting(alone(TALK, interim=False, vad=VadConfig(backend="webrtc")))) == []


def test_a_connection_that_fails_at_every_tick_is_dropped_and_the_others_have_theirs() -> None:
    async def talk() -> tuple[int, int]:
        async with serving(FAKE) as server, raw(server.url) as bad, raw(server.url) as good:
            connection = held_by(server, bad)
            connection.tick = connection.end = no_memory  # type: ignore[method-assign, assignment]
            code = await bad.closed()
            await good.until("status")
            await eventually(lambda: len(server.registry.connections) == 1)
            return code, len(server.registry)

    assert asyncio.run(talk()) == (1006, 1)


def test_a_connection_that_cannot_be_closed_in_order_is_dropped() -> None:
    async def talk() -> int:
        async with serving(FAKE) as server, raw(server.url) as client:
            held_by(server, client)._sender.outbox.pump = no_memory  # type: ignore[method-assign]
            code = await client.closed()
            await eventually(lambda: not server.registry.connections)
            return code

    assert asyncio.run(talk()) == 1006


def test_a_call_whose_fault_cannot_be_reported_is_over() -> None:
    """It outlives its socket only until its finals are out, and none comes any more."""

    async def talk() -> int:
        async with serving(FAKE) as server:
            async with connect(f"ws://127.0.0.1:{server.port}/twilio", compression=None) as socket:
                await socket.send(twilio_start())
                await eventually(lambda: server.registry.connections)
                [connection] = server.registry.connections
                connection.tick = connection.end = no_memory  # type: ignore[method-assign, assignment]
                await socket.wait_closed()
            await eventually(lambda: not server.registry.connections)
            return len(server.registry)

    assert asyncio.run(talk()) == 0


@pytest.mark.parametrize(("of", "name"), [(Connection, "disconnected"), (Checkpoints, "save")])
def test_a_connection_that_cannot_be_put_away_is_forgotten(
    of: type, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And its observers wait for the session no longer than for any other."""

    async def talk() -> tuple[int, list[object]]:
        async with serving(FAKE, observe_token=TOKEN) as server:
            with monkeypatch.context() as patch:
                async with raw(server.url) as client:
                    await client.audio(TALK[:16_000])
                    await client.until("speech.started")
                    patch.setattr(of, name, no_memory)
                    await client.cut()
                await eventually(lambda: not server.registry.connections)
            return len(server.registry), [one["connected"] for one in server.feeds.listed()]

    assert asyncio.run(talk()) == (0, [False])


# --- the session itself


async def went_on(server: Server, first: Raw, failed: int) -> Raw:
    """A client that goes on after the connection of `first` was closed by a fault, with code `failed`, to the end."""
    with suppress(ConnectionClosed):
        await first.audio(LONG, 800)
    assert await first.closed() == failed
    async with raw(server.url) as second:
        resumed = await second.go_on(first)
        await second.audio(LONG[round(resumed.audio_s * 16_000) :], 800)
        await second.finished()
        return second


Feed = Callable[[Session, Any], object]


def takes_nothing(session: Session, samples: Any) -> None:
    """Fails before anything has changed."""


def takes_half(session: Session, samples: Any) -> None:
    """Fails when the audio has been accepted and nothing was made of it."""
    session._intake.feed(samples)


def fails_once(feed: Callable[[Session, Any], Output], before: Feed) -> Feed:
    """`feed` that fails once after two and a half seconds, when it has done what `before` does."""
    left = 1

    def failing(session: Session, samples: Any) -> object:
        nonlocal left
        if session.audio_s < 2.5 or not left:
            return feed(session, samples)
        left = 0
        before(session, samples)
        raise MemoryError

    return failing


@pytest.mark.parametrize(("store", "before"), [(MemoryStore, takes_nothing), (Kept, takes_nothing), (Kept, takes_half)])
def test_a_session_in_which_the_server_failed_goes_on_with_the_same_events(
    store: type[MemoryStore], before: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the session did not take is sent again, and what may be changed by half replaces nothing that is sound."""
    monkeypatch.setattr(Session, "feed", fails_once(Session.feed, before))

    async def talk() -> tuple[Raw, Raw]:
        async with serving(FAKE, store=store()) as server, raw(server.url) as first:
            await first.say("session.update", config={"pace": "fast"})
            return first, await went_on(server, first, 1011)

    first, second = asyncio.run(talk())
    seen: dict[int, Any] = {event.seq: event for event in [*lasting(second.events), *lasting(first.events)]}
    expected = lasting(alone(LONG))
    assert sorted(seen) == [event.seq for event in expected]
    assert differences([seen[seq] for seq in sorted(seen)], expected) == []


def test_a_session_in_which_the_server_fails_each_time_is_given_up(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is stored of it knows nothing of the faults, and its client could come back for ever."""
    feed = Session.feed

    def fails(session: Session, samples: Any) -> Output:
        if session.audio_s >= 2.5:
            raise MemoryError
        return feed(session, samples)

    monkeypatch.setattr(Session, "feed", fails)

    async def talk() -> list[int]:
        codes = []
        async with serving(FAKE, store=open_store(redis_url, 10)) as server, raw(server.url) as first:
            await first.say("session.update", config={"pace": "fast"})
            with suppress(ConnectionClosed):
                await first.audio(LONG, 800)
            codes.append(await first.closed())
            for _ in range(2):
                async with raw(server.url) as again:
                    resumed = await again.go_on(first)
                    with suppress(ConnectionClosed):
                        await again.audio(LONG[round(resumed.audio_s * 16_000) :], 800)
                    codes.append(await again.closed())
                await eventually(lambda: not server.registry.connections)
            async with raw(server.url) as last:
                created = first.created
                await last.say("session.resume", session_id=created.session_id, resume_token=created.resume_token)
                codes.append(await last.closed())
        return codes

    assert asyncio.run(talk()) == [1011, 1011, 1011, 4404]


def test_a_stored_session_whose_channels_heard_different_things_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing sound is stored, its client is told to open a new one rather than that it goes on."""
    monkeypatch.setattr(Session, "feed", fails_once(Session.feed, Session.feed))

    async def talk() -> tuple[int, int]:
        async with serving(FAKE) as server, raw(server.url) as first:
            await first.say("session.update", config={"pace": "fast", "channels": 2, "channel_mode": "split"})
            with suppress(ConnectionClosed):
                await first.audio(np.stack([LONG, LONG], 1), 800)
            code = await first.closed()
            async with raw(server.url) as second:
                created = first.created
                await second.say("session.resume", session_id=created.session_id, resume_token=created.resume_token)
                return code, await second.closed()

    assert asyncio.run(talk()) == (1011, 4404)


def test_a_fault_while_a_session_is_resumed_does_not_cost_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def talk() -> tuple[int, Raw, Raw]:
        async with serving(FAKE) as server:
            async with raw(server.url) as first:
                await first.say("session.update", config={"pace": "fast"})
                await first.audio(TALK[:24_000])
                await first.until("speech.started")
                await first.cut()
            await eventually(lambda: not server.registry.connections)
            created = first.created
            with monkeypatch.context() as patch:
                patch.setattr(ClientSession, "restore", no_memory)
                async with raw(server.url) as second:
                    await second.say("session.resume", session_id=created.session_id, resume_token=created.resume_token)
                    code = await second.closed()
            async with raw(server.url) as third:
                resumed = await third.go_on(first)
                await third.audio(TALK[round(resumed.audio_s * 16_000) :])
                await third.finished()
            return code, first, third

    code, first, third = asyncio.run(talk())
    assert code == 1011
    assert differences(lasting(first.events) + lasting(third.events), lasting(alone(TALK))) == []
