"""Who watches a session gets its events, can send nothing, and disturbs nobody."""

import asyncio
import json

import pytest
from observing import TOKEN, address, observing
from raw_client import TALK, eventually, lasting, raw
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from emoscope.streamer.protocol.errors import UsageError
from emoscope.streamer.protocol.events import encode
from emoscope.streamer.server import Server, ServerOptions, serving
from emoscope.streamer.server.checkpoints import open_store
from emoscope.streamer.server.feed.feeds import OBSERVERS
from emoscope.streamer.testing import CONTRACT, FakeEngine

FAKE = (CONTRACT, FakeEngine())


async def refusal(url: str, **options: object) -> tuple[int, bytes]:
    with pytest.raises(InvalidStatus) as refused:
        await connect(url, **options).__aenter__()  # type: ignore[arg-type]
    return refused.value.response.status_code, bytes(refused.value.response.body or b"")


async def listed(server: Server, token: str = TOKEN) -> list[dict[str, object]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(f"GET /v1/observe?token={token} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode())
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return list(json.loads(answer.partition(b"\r\n\r\n")[2]))


def test_an_observer_gets_every_durable_event_of_the_session() -> None:
    async def watch() -> None:
        async with serving(FAKE, observe_token=TOKEN) as server, raw(server.url) as owner:
            async with observing(server, owner.created.session_id) as observer:
                await owner.audio(TALK)
                await owner.finished()
                assert await observer.closed() == 1000
            assert lasting(observer.events) == lasting(owner.events)
            assert observer.of("emotion.interim")

    asyncio.run(watch())


def test_an_observer_never_learns_the_token_that_resumes_the_session() -> None:
    async def watch() -> None:
        async with serving(FAKE, observe_token=TOKEN) as server, raw(server.url) as owner:
            assert owner.created.resume_token
            async with observing(server, owner.created.session_id) as observer:
                assert observer.created.session_id == owner.created.session_id
                assert observer.created.resume_token is None

    asyncio.run(watch())


def test_who_comes_late_is_told_the_last_state() -> None:
    """The session and the newest reading, but not the interims of an utterance that is over."""

    async def watch() -> None:
        async with serving(FAKE, observe_token=TOKEN) as server, raw(server.url) as owner:
            await owner.audio(TALK)
            await owner.until("mood", 2)
            async with observing(server, owner.created.session_id) as observer:
                final, mood = await observer.until("emotion.final"), await observer.until("mood")
                assert [final, mood] == [owner.of("emotion.final")[-1], owner.of("mood")[-1]]
                assert [observer.of(kind) for kind in ("speech.started", "emotion.interim")] == [[], []]

    asyncio.run(watch())


def test_an_observer_stays_while_the_session_is_resumed_and_gets_nothing_twice() -> None:
    async def watch() -> None:
        async with serving(FAKE, observe_token=TOKEN) as server, raw(server.url) as first:
            async with observing(server, first.created.session_id) as observer:
                await first.audio(TALK[:40_000])
                await first.until("emotion.interim")
                await first.cut()
                async with raw(server.url) as second:
                    resumed = await second.go_on(first)
                    await second.audio(TALK[round(resumed.audio_s * 16_000) :])
                    await second.finished()
                assert await observer.closed() == 1000
            owned = lasting([*first.events, *second.events])
            assert lasting(observer.events) == owned
            assert [event.seq for event in owned] == list(range(1, len(owned) + 1))

    asyncio.run(watch())


def test_an_observer_is_not_told_an_error_of_the_connection_that_a_session_leaves() -> None:
    async def watch() -> None:
        async with serving(FAKE, observe_token=TOKEN) as server, raw(server.url) as first:
            async with observing(server, first.created.session_id) as observer:
                await first.audio(TALK[:40_000])
                await first.until("emotion.interim")
                async with raw(server.url) as second:
                    resumed = await second.go_on(first)
                    assert await first.closed() == 4409 and first.errors == ["session_taken"]
                    await second.audio(TALK[round(resumed.audio_s * 16_000) :])
                    await second.finished()
                assert await observer.closed() == 1000
            assert observer.errors == []
            assert lasting(observer.events) == lasting([*first.events, *second.events])

    asyncio.run(watch())


@pytest.mark.parametrize("work", ["pump", "check"])
def test_a_fault_of_one_observer_stops_no_timer_of_the_server(work: str, caplog: pytest.LogCaptureFixture) -> None:
    """The owner's `status` comes from the same timers."""

    def broken(*_: object) -> None:
        raise RuntimeError("a fault of the server")

    async def watch() -> None:
        async with (
            serving(FAKE, observe_token=TOKEN) as server,
            raw(server.url) as owner,
            observing(server, owner.created.session_id) as observer,
        ):
            feed = server.feeds.find(owner.created.session_id)
            assert feed is not None
            (served,) = feed.observers
            setattr(served, work, broken)
            await eventually(lambda: "fault" in [record.message for record in caplog.records])
            seen = len(owner.of("status"))
            await owner.until("status", seen + 2)
            await owner.audio(TALK)
            await owner.finished()
            await observer.until("session.closed")

    asyncio.run(watch())


def test_each_token_admits_to_its_own_place_alone() -> None:
    async def knock() -> None:
        async with serving(FAKE, token="sender", observe_token=TOKEN) as server:
            sender = {"additional_headers": {"Authorization": "Bearer sender"}}
            async with raw(server.url, **sender) as owner:
                session = owner.created.session_id
                assert (await refusal(address(server, session, "sender")))[0] == 401
                assert (await refusal(address(server, session, "")))[0] == 401
                assert (await refusal(f"{server.url}?token={TOKEN}"))[0] == 401
                for path in ("twilio", f"twilio/{TOKEN}", "asterisk"):
                    assert (await refusal(f"ws://127.0.0.1:{server.port}/{path}"))[0] == 401
                async with observing(server, session):
                    pass

    asyncio.run(knock())


def test_observing_is_off_without_a_token_of_its_own() -> None:
    async def knock() -> tuple[int, bytes]:
        async with serving(FAKE) as server, raw(server.url) as owner:
            return await refusal(address(server, owner.created.session_id, ""))

    status, body = asyncio.run(knock())
    assert status == 404 and b"--observe-token" in body


def test_one_token_for_both_is_refused() -> None:
    with pytest.raises(UsageError, match="must differ"):
        ServerOptions(token="same", observe_token="same")


def test_an_unknown_session_is_a_plain_404_and_a_page_of_another_origin_a_403() -> None:
    async def knock() -> tuple[int, int]:
        async with serving(FAKE, observe_token=TOKEN) as server, raw(server.url) as owner:
            unknown = await refusal(address(server, "nobody"))
            foreign = await refusal(address(server, owner.created.session_id), origin="http://elsewhere.example")
            return unknown[0], foreign[0]

    assert asyncio.run(knock()) == (404, 403)


def test_an_observer_that_sends_anything_is_closed_and_the_session_goes_on() -> None:
    async def speak() -> None:
        async with serving(FAKE, observe_token=TOKEN) as server, raw(server.url) as owner:
            for message in (b"\0\0" * 1_600, '{"type":"finish"}'):
                async with observing(server, owner.created.session_id) as observer:
                    await observer.socket.send(message)
                    assert await observer.closed() == 4400
            await owner.audio(TALK)
            await owner.finished()
            assert len(owner.of("emotion.final")) == 2

    asyncio.run(speak())


def test_a_session_has_a_bounded_number_of_observers() -> None:
    async def crowd() -> None:
        async with serving(FAKE, observe_token=TOKEN) as server, raw(server.url) as owner:
            session = owner.created.session_id
            seats = [await connect(address(server, session)).__aenter__() for _ in range(OBSERVERS)]
            await eventually(lambda: server.feeds.listed()[0]["observers"] == OBSERVERS)
            assert (await refusal(address(server, session)))[0] == 503
            assert b"emoscope_observers 8.0" in server.metrics.text()
            await seats[0].close()
            await eventually(lambda: server.feeds.listed()[0]["observers"] == OBSERVERS - 1)
            async with observing(server, session):
                pass

    asyncio.run(crowd())


def test_a_slow_observer_is_dropped_and_the_session_and_the_others_are_not_disturbed() -> None:
    async def stall() -> None:
        async with serving(FAKE, observe_token=TOKEN, slow_s=0.2) as server, raw(server.url) as owner:
            session = owner.created.session_id
            stalled = await connect(address(server, session), max_queue=1, compression=None).__aenter__()
            await eventually(lambda: server.feeds.listed()[0]["observers"] == 1)
            feed = server.feeds.find(session)
            assert feed is not None
            [slow] = feed.observers
            stalled.transport.pause_reading()
            async with observing(server, session) as other:
                await eventually(lambda: len(feed.observers) == 2)
                for _ in range(1_000):  # more than the buffers of both kernels take
                    slow.send(other.created, encode(other.created) * 5)
                await eventually(lambda: slow.over)
                await owner.audio(TALK)
                await owner.finished()
                assert await other.closed() == 1000
            assert lasting(other.events) == lasting(owner.events)
            assert len(owner.of("emotion.final")) == 2
            assert b"emoscope_observers_dropped_total 1.0" in server.metrics.text()

    asyncio.run(stall())


def test_the_sessions_that_can_be_observed_are_listed() -> None:
    async def ask() -> None:
        async with serving(FAKE, observe_token=TOKEN) as server, raw(server.url) as owner:
            await owner.audio(TALK[:16_000])
            await eventually(lambda: server.feeds.listed()[0]["audio_s"] == 1.0)
            assert await listed(server) == [
                {
                    "session_id": owner.created.session_id,
                    "name": "",
                    "audio_s": 1.0,
                    "connected": True,
                    "observers": 0,
                }
            ]
            await owner.finished()
            await eventually(lambda: not server.feeds.listed())

    asyncio.run(ask())


def test_the_observers_of_a_session_that_does_not_come_back_are_sent_away() -> None:
    async def wait() -> None:
        async with serving(FAKE, observe_token=TOKEN) as server, raw(server.url) as owner:
            async with observing(server, owner.created.session_id) as observer:
                await owner.audio(TALK[:16_000])
                await owner.until("speech.started")
                await owner.cut()
                await eventually(lambda: server.feeds.listed()[0]["connected"] is False)
                server.feeds.check(asyncio.get_running_loop().time() + 61.0)
                assert await observer.closed() == 1000
            assert server.feeds.listed() == []

    asyncio.run(wait())


def test_observers_at_the_server_that_takes_a_session_over_are_told_what_it_is(redis_url: str) -> None:
    """Those at the other one learn that it goes on elsewhere."""

    async def move() -> None:
        async with (
            serving(FAKE, observe_token=TOKEN, store=open_store(redis_url, 10)) as one,
            serving(FAKE, observe_token=TOKEN, store=open_store(redis_url, 10)) as two,
            raw(one.url) as first,
        ):
            session = first.created.session_id
            async with observing(one, session) as left:
                await first.audio(TALK[:40_000])
                await first.until("speech.started")
                await first.until_acknowledged()
                async with raw(two.url) as second:
                    resumed = await second.go_on(first)
                    async with observing(two, session) as stays:
                        assert stays.created.session_id == session
                        assert stays.created.resume_token is None
                        await second.audio(TALK[round(resumed.audio_s * 16_000) :])
                        await second.finished()
                        assert await stays.closed() == 1000
                    assert lasting(stays.events)[-1] == lasting(second.events)[-1]
                    assert await left.closed() == 4409

    asyncio.run(move())


def test_nothing_is_kept_of_sessions_that_nobody_can_watch() -> None:
    async def speak() -> None:
        async with serving(FAKE) as server, raw(server.url) as owner:
            await owner.audio(TALK[:16_000])
            await owner.until("speech.started")
            assert server.feeds.listed() == []

    asyncio.run(speak())
