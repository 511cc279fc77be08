"""Servers that share a Redis, and clients that come back to the one or the other: one socket has a session, no more."""

import asyncio

from raw_client import TALK, TIMEOUT_S, Raw, alone, eventually, lasting, raw
from redis.asyncio import Redis

from emoscope.streamer.server import serving
from emoscope.streamer.server.checkpoints import open_store
from emoscope.streamer.server.phase import Phase
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
    while not any(event.processed_s > 0 for event in client.of("status")):
        await client.say("keepalive")
        await asyncio.sleep(0.05)


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


def test_of_two_sockets_that_resume_at_once_one_has_the_session(redis_url: str) -> None:
    async def talk() -> tuple[list[int | None], int]:
        store = open_store(redis_url, 10)
        take, asked = store.take, asyncio.Event()

        async def slowly(*which: object) -> bytes | None:
            """Both have asked before either is answered."""
            if not asked.is_set():
                asked.set()
            else:
                both.set()
            await both.wait()
            return await take(*which)  # type: ignore[arg-type]

        both = asyncio.Event()
        async with serving(FAKE, store=store) as server, raw(server.url) as first:
            await begun(first)
            await first.cut()
            await eventually(lambda: not server.registry.connections)
            store.take = slowly  # type: ignore[method-assign, assignment]
            async with raw(server.url) as second, raw(server.url) as third:
                await asyncio.gather(ask(second, first, 1), ask(third, first, 1))
                await asyncio.wait(
                    [asyncio.ensure_future(client.closed()) for client in (second, third)],
                    return_when=asyncio.FIRST_COMPLETED,
                )
                codes = [second.socket.close_code, third.socket.close_code]
                mine = [one for one in server.registry.connections if one.session.id == first.created.session_id]
                return codes, len([one for one in mine if one.phase is not Phase.CLOSING])

    codes, holders = asyncio.run(talk())
    assert sorted(codes, key=str) == [4409, None]
    assert holders == 1


def test_a_record_lives_on_with_its_socket_although_no_audio_comes(redis_url: str) -> None:
    """What is left of its time when it is found may be a moment; from there on it has its whole time again."""

    async def talk() -> int:
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
                while (left := int(await redis.pttl(key))) <= 60_000:
                    await asyncio.sleep(0.02)
                await redis.aclose()
                return left

    assert asyncio.run(asyncio.wait_for(talk(), TIMEOUT_S)) > 60_000
