"""A dropped connection loses nothing: the session waits on the server, and goes on with the same events."""

import asyncio
import time
from contextlib import suppress

import numpy as np
import pytest
from raw_client import LONG, TALK, Raw, alone, eventually, lasting, raw
from websockets.exceptions import ConnectionClosed

from emoscope.streamer.server import MemoryStore, serving
from emoscope.streamer.testing import CONTRACT, FakeEngine, differences

FAKE = (CONTRACT, FakeEngine())


@pytest.mark.parametrize("cut_s", [0.3, 1.7, 3.1, 4.4, 6.0])
def test_a_session_goes_on_after_a_cut_with_the_same_events(cut_s: float) -> None:
    async def talk() -> tuple[Raw, Raw]:
        async with serving(FAKE) as server:
            async with raw(server.url) as first:
                await first.say("session.update", config={"pace": "fast"})
                await first.audio(LONG[: round(cut_s * 16_000)], 800)
                await first.say("keepalive")
                await first.until("status")
                await first.cut()
            await eventually(lambda: not server.registry.connections)
            async with raw(server.url) as second:
                resumed = await second.go_on(first)
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
                resumed = await second.go_on(first, 2)
                assert resumed.next_seq == max(e.seq for e in lasting(first.events)) + 1
                await second.until("mood", 4)
                await second.say("keepalive", last_seq=5)
                await second.until("status")
                await second.cut()
            async with raw(server.url) as third:
                await third.go_on(first, 0)
                await third.finished()
            return first, second, third

    first, second, third = asyncio.run(talk())
    sent = {e.seq: e for e in lasting(first.events)}
    again = lasting(second.events)
    assert [e.seq for e in again] == [seq for seq in sent if seq > 2]
    assert all(sent[e.seq] == e for e in again)
    assert min(e.seq for e in lasting(third.events)) == 6


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
                resumed = await second.go_on(first)
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
            await eventually(lambda: len(store))
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
                await fourth.go_on(first)
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
                resumed = await second.go_on(first)
                await second.audio(TALK[round(resumed.audio_s * 16_000) :])
                await second.finished()
            return code, first, second

    code, first, second = asyncio.run(talk())
    assert code == 1011 and first.errors == ["model_failed"]
    assert differences(lasting(first.events) + lasting(second.events), lasting(alone(TALK))) == []


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
                resumed = await second.go_on(first)
                await second.audio(away[round(resumed.audio_s * 16_000) :], 16_000)
                await second.finished()
            return first, second

    first, second = asyncio.run(talk())
    assert not [e for e in second.of("warning") if e.code == "audio_dropped"]
    assert differences(lasting(first.events) + lasting(second.events), lasting(alone(away))) == []


def test_a_connection_whose_own_session_was_taken_keeps_the_session_that_it_resumed() -> None:
    """What was released is the new session of the greeting, not the one that came in its place."""

    async def talk() -> tuple[Raw, Raw]:
        async with serving(FAKE) as server:
            async with raw(server.url) as first:
                await first.say("session.update", config={"pace": "fast"})
                await first.audio(LONG[:32_000], 800)
                await first.say("keepalive")
                await first.until("status")
                await first.cut()
            await eventually(lambda: not server.registry.connections)
            async with raw(server.url) as second:
                [connection] = server.registry.connections
                connection.session_released = True
                await second.go_on(first)
                assert not connection.session_released
                await second.cut()
            await eventually(lambda: not server.registry.connections)
            async with raw(server.url) as third:
                resumed = await third.go_on(first)
                await third.audio(LONG[round(resumed.audio_s * 16_000) :], 800)
                await third.finished()
            return first, third

    first, third = asyncio.run(talk())
    assert third.of("session.closed") and lasting(first.events)
