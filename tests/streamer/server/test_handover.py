"""Servers that share a Redis, and clients that come back to the one or the other: one socket has a session, no more."""

import asyncio
import contextlib

import pytest
from raw_client import TALK, Raw, alone, eventually, lasting, raw
from redis.asyncio import Redis

from emoscope.streamer.protocol.messages import SessionResume
from emoscope.streamer.server import serving
from emoscope.streamer.server.checkpoints import open_store
from emoscope.streamer.server.connection import Connection
from emoscope.streamer.server.phase import Phase
from emoscope.streamer.server.resume import SessionResumer
from emoscope.streamer.testing import CONTRACT, FakeEngine, differences

FAKE = (CONTRACT, FakeEngine())


async def ask(client: Raw, first: Raw, last_seq: int) -> None:
    created = first.created
    await client.say(
        "session.resume", session_id=created.session_id, resume_token=created.resume_token, last_seq=last_seq
    )


async def begun(client: Raw) -> None:
    """In the middle of an utterance, and stored."""
    await client.audio(TALK[:40_000])
    await client.until("speech.started")
    await client.until_acknowledged()


def test_who_comes_back_by_way_of_another_server_finds_what_that_one_did(redis_url: str) -> None:
    """The first server still holds a socket that nobody closed, with a session that is no longer the newest."""

    async def talk() -> tuple[list, int | None]:
        async with (
            serving(FAKE, store=open_store(redis_url, 10)) as one,
            serving(FAKE, store=open_store(redis_url, 10)) as two,
            raw(one.url) as first,
        ):
            await begun(first)
            events = lasting(first.events)
            for server, until in ((two, 64_000), (one, len(TALK))):
                async with raw(server.url) as client:
                    await ask(client, first, events[-1].seq)
                    resumed = await client.until("session.resumed")
                    await client.audio(TALK[round(resumed.audio_s * 16_000) : until])
                    if server is one:
                        await client.finished()
                    else:
                        await client.until("emotion.final")
                        await client.cut()
                    events += lasting(client.events)
                    code = client.socket.close_code
            return events, code

    events, code = asyncio.run(talk())
    assert code == 1000
    assert differences(events, lasting(alone(TALK))) == []


def test_of_two_sockets_that_resume_at_once_one_has_the_session(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have asked the server before the store answers; one is closed, the other continues to the end."""

    async def talk() -> tuple[int, int, list]:
        store = open_store(redis_url, 10)
        take, resume, arrived, taken = store.take, SessionResumer.resume, 0, 0
        both_arrived, both_taken, first_answer_waits = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def counted(resumer: SessionResumer, connection: Connection, message: SessionResume) -> None:
            nonlocal arrived
            arrived += 1
            if arrived == 2:
                both_arrived.set()
            await resume(resumer, connection, message)

        async def take_slowly(*which: object) -> bytes | None:
            """The first to take the session is answered last, unless the second takes it only after that."""
            nonlocal taken
            record = await take(*which)  # type: ignore[arg-type]
            taken += 1
            if taken == 2:
                both_taken.set()
            await both_arrived.wait()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(both_taken.wait(), 0.5)
            if first_answer_waits.is_set():
                return record
            first_answer_waits.set()
            await asyncio.sleep(0.1 if both_taken.is_set() else 0)  # the second is answered meanwhile
            return record

        monkeypatch.setattr(SessionResumer, "resume", counted)
        async with serving(FAKE, store=store) as server, raw(server.url) as first:
            await begun(first)
            await first.cut()
            await eventually(lambda: not server.registry.connections)
            store.take = take_slowly  # type: ignore[method-assign, assignment]
            async with raw(server.url) as second, raw(server.url) as third:
                await asyncio.gather(ask(second, first, 1), ask(third, first, 1))
                await eventually(lambda: second.over or third.over)
                loser, winner = (second, third) if second.over else (third, second)
                resumed = await winner.until("session.resumed")
                mine = [one for one in server.registry.connections if one.session.id == first.created.session_id]
                holders = len([one for one in mine if one.phase is not Phase.CLOSING])
                await winner.audio(TALK[round(resumed.audio_s * 16_000) :])
                await winner.until_acknowledged(resumed.audio_s)
                await winner.finished()
                return await loser.closed(), holders, lasting(first.events) + lasting(winner.events)

    code, holders, events = asyncio.run(talk())
    assert (code, holders) == (4409, 1)
    assert differences(events, lasting(alone(TALK))) == []


def test_a_record_lives_on_with_its_socket_although_no_audio_comes(redis_url: str) -> None:
    """What is left of its time when it is found may be a moment; from there on it has its whole time again."""

    async def talk() -> bool:
        redis = Redis.from_url(redis_url)
        async with serving(FAKE, store=open_store(redis_url, 10)) as server:
            async with raw(server.url) as first:
                await begun(first)
                await first.cut()
            await eventually(lambda: not server.registry.connections)
            key = f"emoscope:session:{first.created.session_id}"
            assert await redis.pexpire(key, 3_000)
            async with raw(server.url) as second:
                await ask(second, first, 1)
                await second.until("session.resumed")

                async def renewed() -> bool:
                    return int(await redis.pttl(key)) > 60_000

                await eventually(renewed)
                await redis.aclose()
                return True

    assert asyncio.run(talk())
