"""Every error of the protocol over a real socket: each is reported and counted, and only a fatal one closes."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from raw_client import TALK, Raw, raw
from virtual_server import HeldEngine, serve_virtually
from websockets.exceptions import ConnectionClosed

from emoscope.streamer.protocol.events import Error, Limits
from emoscope.streamer.protocol.messages import FATAL, NOT_FATAL
from emoscope.streamer.server import Server
from emoscope.streamer.server.phase import Phase
from emoscope.streamer.testing import FakeEngine, silence

Deed = Callable[[Server, Raw], Awaitable[object]]


class Broken(FakeEngine):
    def __call__(self, requests):  # type: ignore[no-untyped-def]
        raise RuntimeError("out of memory")


def says(text: str) -> Deed:
    return lambda server, client: client.socket.send(text)


async def changes_late(server: Server, client: Raw) -> None:
    await client.audio(silence(0.1))
    await client.say("session.update", config={"interim": False})


async def floods(server: Server, client: Raw) -> None:
    for _ in range(10):
        await client.say("keepalive")


async def talks(server: Server, client: Raw) -> None:
    with suppress(ConnectionClosed):
        await client.audio(TALK)


async def talks_fast(server: Server, client: Raw) -> None:
    await client.say("session.update", config={"pace": "fast"})
    with suppress(ConnectionClosed):
        for _ in range(8):
            await client.audio(TALK, 16_000)


async def does_not_read(server: Server, client: Raw) -> None:
    """Until the server closes the connection; then it reads, to see which error it got."""
    client.socket.transport.pause_reading()
    wrong = json.dumps({"type": "session.update", "config": {"x" * 60_000: 1}})
    (connection,) = server.registry.connections
    while connection.phase is not Phase.CLOSING:
        with suppress(ConnectionClosed, TimeoutError):
            await asyncio.wait_for(client.socket.send(wrong), 1.0)
        await asyncio.sleep(0.02)
    client.socket.transport.resume_reading()


async def comes_twice(server: Server, client: Raw) -> None:
    await client.audio(silence(0.5))
    await client.say("keepalive")
    await client.until("status")
    async with raw(server.url) as second:
        await second.go_on(client)


async def is_told_to_go(server: Server, client: Raw) -> None:
    await server.drain(1.0)


CASES: dict[str, tuple[Deed, dict[str, Any], type[FakeEngine]]] = {
    "invalid_json": (says("hello"), {}, FakeEngine),
    "unknown_type": (says('{"type":"audio"}'), {}, FakeEngine),
    "config_invalid": (says('{"type":"session.update","config":{"sample_rate":3}}'), {}, FakeEngine),
    "config_locked": (changes_late, {}, FakeEngine),
    "invalid_audio_frame": (lambda server, client: client.socket.send(bytes(641)), {}, FakeEngine),
    "rate_limited": (floods, {"messages_s": 1.0}, FakeEngine),
    "message_too_large": (
        lambda server, client: client.socket.send(bytes(2_000)),
        {"limits": Limits(max_frame_bytes=1_000)},
        FakeEngine,
    ),
    "idle_timeout": (lambda server, client: asyncio.sleep(61.0), {"limits": Limits(idle_timeout_s=60.0)}, FakeEngine),
    "session_expired": (talks, {"max_session_s": 1.0}, FakeEngine),
    "slow_consumer": (does_not_read, {"slow_s": 0.5}, FakeEngine),
    "backlog_exceeded": (talks_fast, {"limits": Limits(fast_backlog_s=5.0)}, HeldEngine),
    "session_taken": (comes_twice, {}, FakeEngine),
    "resume_unknown": (says('{"type":"session.resume","session_id":"x","resume_token":"y"}'), {}, FakeEngine),
    "model_failed": (talks, {}, Broken),
    "shutting_down": (is_told_to_go, {}, FakeEngine),
}


def test_there_is_a_case_for_every_error() -> None:
    assert set(CASES) == NOT_FATAL | set(FATAL)


@pytest.mark.parametrize("code", CASES)
def test_an_error_is_reported_and_counted_and_only_a_fatal_one_closes(code: str) -> None:
    deed, options, engine = CASES[code]

    async def provoke(server: Server) -> tuple[Raw, int | None, float | None]:
        async with raw(server.url) as client:
            await deed(server, client)
            closed = await client.closed() if code in FATAL else None
            if code in NOT_FATAL:
                await client.until("error")
                assert not client.over
                await client.say("keepalive")
                await client.until("status")
            await asyncio.sleep(1.0)
            return (
                client,
                closed,
                server.metrics.registry.get_sample_value("emoscope_errors_total", {"code": code}),
            )

    client, closed, counted = serve_virtually(provoke, engine(), **options)
    reported = [event for event in client.events if isinstance(event, Error) and event.code == code]
    assert len(reported) == 1 and reported[0].fatal is (code in FATAL) and reported[0].message
    assert closed == FATAL.get(code)
    assert counted == 1.0
