"""Connections that are lost at an odd moment: each gives the place of its session back."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from raw_client import TALK, Raw, eventually, raw
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import WebSocketException
from websockets.http11 import Request, Response

from emoscope.streamer.server import Server, serving
from emoscope.streamer.server.sockets import Socket
from emoscope.streamer.testing import CONTRACT, FakeEngine


def lose_it_with_its_request(patch: pytest.MonkeyPatch) -> None:
    """As when too many connections wait: the one that is dropped may just have asked."""
    process_event = Socket.process_event

    def lost(socket: Socket, event: Any) -> None:
        process_event(socket, event)
        socket.transport.abort()

    patch.setattr(Socket, "process_event", lost)


def fail_when_it_is_lost(patch: pytest.MonkeyPatch) -> None:
    connection_lost = ServerConnection.connection_lost

    def failing(socket: ServerConnection, error: Exception | None) -> None:
        connection_lost(socket, error)
        raise MemoryError

    patch.setattr(ServerConnection, "connection_lost", failing)


async def cut_off(url: str) -> None:
    """A client whose connection is lost, if it ever had one."""
    with suppress(OSError, EOFError, WebSocketException):
        async with raw(url) as client:
            await client.cut()


@pytest.mark.parametrize("lose", [lose_it_with_its_request, fail_when_it_is_lost])
def test_the_place_of_a_connection_that_was_lost_is_free_again(
    lose: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = 0
    answer = Server.answer

    def counted(server: Server, request: Request, client: object) -> Response | None:
        nonlocal answered
        answered += 1
        return answer(server, request, client)

    async def talk() -> Raw:
        async with serving((CONTRACT, FakeEngine()), max_sessions=1) as server:
            with monkeypatch.context() as patch:
                patch.setattr(Server, "answer", counted)
                lose(patch)
                await cut_off(server.url)
                await eventually(lambda: answered and not server.registry.connections)
            async with raw(server.url) as client:
                await client.audio(TALK)
                await client.finished()
                return client

    assert len(asyncio.run(talk()).of("emotion.final")) == 2
