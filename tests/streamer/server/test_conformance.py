"""RFC 6455 and 7692, by the cases of the Autobahn test suite as kosoku runs them.

The cases are about frames, so the server under test echoes; its sockets are made exactly as ours are. Compression is
off in production: for the cases about it (12) it is switched on, and that it is off otherwise is tested too.
"""

import asyncio
from contextlib import suppress
from typing import Any

import kosoku
import pytest
from kosoku._kosoku import Behavior, BehaviorClose
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from emoscope.streamer.server import ServerOptions, serving
from emoscope.streamer.server.sockets import socket_settings
from emoscope.streamer.testing import CONTRACT, FakeEngine


async def echo(socket: ServerConnection) -> None:
    with suppress(ConnectionClosed):
        async for message in socket:
            await socket.send(message)


UNFINISHED = ["7.1.5"]
"""A closing frame inside a fragmented message: websockets answers 1002 (the message was never finished), the suite
wants 1000. Either way the connection is closed and nothing of the message is taken."""


def conform(cases: list[str], exclude: list[str] | None = None, **settings: Any) -> list[Any]:
    async def run() -> list[Any]:
        options = {**socket_settings(ServerOptions()), "select_subprotocol": None, "subprotocols": None, **settings}
        async with serve(echo, "127.0.0.1", 0, **options) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            return list(await kosoku.run_fuzzingclient(f"127.0.0.1:{port}", cases, exclude, concurrency=8))

    return asyncio.run(run())


@pytest.mark.parametrize("cases", ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"])
def test_frames_are_those_of_rfc_6455(cases: str) -> None:
    results = conform([cases], UNFINISHED)
    assert results
    accepted = {Behavior.OK.value, Behavior.NON_STRICT.value, Behavior.INFORMATIONAL.value}
    closes = {BehaviorClose.OK.value, BehaviorClose.INFORMATIONAL.value}
    bad = [r for r in results if r.behavior.value not in accepted or r.behavior_close.value not in closes]
    assert bad == []


def test_compressed_frames_are_those_of_rfc_7692() -> None:
    """A few of each kind of case 12: the rest differ in the number of messages alone."""
    results = conform([f"12.{kind}.{case}" for kind in range(1, 6) for case in range(1, 4)], compression="deflate")
    assert len(results) == 15
    assert {r.behavior.value for r in results} == {Behavior.OK.value}


def test_compression_is_off_in_production() -> None:
    async def offer() -> list[str]:
        async with serving((CONTRACT, FakeEngine())) as server, connect(server.url, compression="deflate") as socket:
            return [extension.name for extension in socket.protocol.extensions]

    assert asyncio.run(offer()) == []
