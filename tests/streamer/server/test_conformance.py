"""RFC 6455 and 7692, by the cases of the Autobahn test suite as kosoku runs them.

The cases are about frames, so the server under test echoes; its sockets are made exactly as ours are. Compression is
off in production: for the cases about it (12) it is switched on, and that it is off otherwise is tested too.
"""

import asyncio
import importlib
from contextlib import suppress
from typing import Any

import kosoku
import pytest
from kosoku._caseindex import initialize_shims
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


UNFINISHED = "7.1.5"
"""A closing frame inside a fragmented message. The suite wants the code 1000 that it sent; `websockets` answers 1002,
because the message was never finished, and says so in the conformance notes of its repository (compliance/README.rst):
RFC 6455, section 5.5.1, has an endpoint echo the code "typically", so another one is allowed."""

SMALL = [f"12.{kind}.{case}" for kind in range(1, 6) for case in range(1, 4)]
"""Compressed messages of up to 256 bytes: 1,000 a case."""

MANY = 10
"""Messages in each other case about compression: with the suite's 1,000 they take some twenty minutes."""


def conform(cases: list[str], exclude: list[str] | None = None, **settings: Any) -> list[Any]:
    async def run() -> list[Any]:
        options = {**socket_settings(ServerOptions()), "select_subprotocol": None, "subprotocols": None, **settings}
        async with serve(echo, "127.0.0.1", 0, **options) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            return list(await kosoku.run_fuzzingclient(f"127.0.0.1:{port}", cases, exclude, concurrency=8))

    return asyncio.run(run())


@pytest.mark.parametrize("cases", ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"])
def test_frames_are_those_of_rfc_6455(cases: str) -> None:
    results = conform([cases], [UNFINISHED])
    assert results
    accepted = {Behavior.OK.value, Behavior.NON_STRICT.value, Behavior.INFORMATIONAL.value}
    closes = {BehaviorClose.OK.value, BehaviorClose.INFORMATIONAL.value}
    bad = [r for r in results if r.behavior.value not in accepted or r.behavior_close.value not in closes]
    assert bad == []


def test_an_unfinished_message_is_a_fault_of_who_closes() -> None:
    with pytest.raises(kosoku.FailureError, match=r"1 of 1 cases failed:\s+7\.1\.5: .*WRONG CODE"):
        conform([UNFINISHED])


def test_compressed_frames_are_those_of_rfc_7692() -> None:
    results = conform(SMALL, compression="deflate")
    assert len(results) == 15
    assert {r.behavior.value for r in results} == {Behavior.OK.value}


def test_large_compressed_frames_are_too(monkeypatch: pytest.MonkeyPatch) -> None:
    initialize_shims()
    for case in importlib.import_module("case12_x_x").Case12_X_X:
        monkeypatch.setattr(case, "COUNT", MANY)
    results = conform(["12.*"], SMALL, compression="deflate")
    assert len(results) == 75
    assert {r.behavior.value for r in results} == {Behavior.OK.value}


def test_compression_is_off_in_production() -> None:
    async def offer() -> list[str]:
        async with serving((CONTRACT, FakeEngine())) as server, connect(server.url, compression="deflate") as socket:
            return [extension.name for extension in socket.protocol.extensions]

    assert asyncio.run(offer()) == []
