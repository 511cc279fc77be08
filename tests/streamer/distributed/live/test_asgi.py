"""The server's sessions as an ASGI application: the same answers and events as on its own sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from asgi_client import AsgiClient
from raw_client import TALK, alone, as_sent, eventually

from emoscope.streamer.distributed.live.asgi_app import AsgiApp
from emoscope.streamer.protocol.events import AnyEvent, EmotionFinal, Error, SessionCreated, decode
from emoscope.streamer.server.checkpoint import hash_token
from emoscope.streamer.server.checkpoints import open_store
from emoscope.streamer.server.deadline import Deadline
from emoscope.streamer.server.options import ServerOptions
from emoscope.streamer.server.session_service import SessionService
from emoscope.streamer.server.store import Store
from emoscope.streamer.testing import CONTRACT, FakeEngine, differences

STREAM = "/v1/stream"
EXTENSIONS: dict[str, Any] = {"websocket.http.response": {}}


@asynccontextmanager
async def service(store: Store | None = None, **options: Any) -> AsyncIterator[tuple[SessionService, AsgiApp]]:
    made = SessionService(CONTRACT, FakeEngine(), ServerOptions(**options), store)
    made.assemble()
    try:
        yield made, AsgiApp(made)
    finally:
        await made.stop(Deadline(2.0))


async def get(app: AsgiApp, path: str, method: str = "GET", **scope: Any) -> tuple[int, bytes]:
    client = AsgiClient(app, "http", path, method=method, **scope)
    await client.over()
    start, body = client.sent
    return start["status"], body["body"]


def events(client: AsgiClient) -> list[AnyEvent]:
    return [decode(text) for text in client.texts]


def test_a_stream_gives_the_finals_that_it_gives_without_a_server() -> None:
    async def talk() -> list[AnyEvent]:
        async with service() as (made, app):
            client = AsgiClient(app, "websocket", STREAM, subprotocols=["other", "emoscope.v1"])
            data = as_sent(TALK).tobytes()
            for begin in range(0, len(data), 3_200):
                client.audio(data[begin : begin + 3_200])
            client.say("finish")
            await client.over()
            assert client.sent[0] == {"type": "websocket.accept", "subprotocol": "emoscope.v1"}
            assert client.closing is not None and client.closing["code"] == 1000
            assert not made.registry.connections
            return events(client)

    finals = [event for event in asyncio.run(talk()) if isinstance(event, EmotionFinal)]
    assert differences(finals, [event for event in alone(TALK) if isinstance(event, EmotionFinal)]) == []


def test_a_session_whose_end_no_client_has_confirmed_can_be_resumed() -> None:
    """The connection may have been dead before the last events were sent."""

    async def talk() -> tuple[int, bytes | None]:
        store = open_store("memory", 10)
        async with service(store) as (_, app):
            client = AsgiClient(app, "websocket", STREAM)
            client.confirms = False
            client.audio(as_sent(TALK[:32_000]).tobytes())
            client.say("finish")
            await client.over()
            created = events(client)[0]
            assert client.closing is not None and isinstance(created, SessionCreated)
            token = hash_token(created.resume_token or "")
            return client.closing["code"], await store.take(created.session_id, token, "another")

    code, kept = asyncio.run(talk())
    assert code == 1000 and kept is not None


def test_requests_get_the_answers_of_the_server() -> None:
    async def ask() -> list[int]:
        async with service() as (_, app):
            answers = [await get(app, "/readyz"), await get(app, "/nowhere"), await get(app, STREAM)]
            answers += [await get(app, "/readyz", "POST"), await get(app, "/")]
            assert answers[0][1].startswith(b'{"status":"ready"') and answers[4][1].startswith(b"<!doctype html>")
            return [status for status, _ in answers]

    assert asyncio.run(ask()) == [200, 404, 426, 405, 200]


def test_a_wrong_token_is_refused_with_401_where_the_asgi_server_can_say_so_and_else_with_a_close() -> None:
    async def ask() -> None:
        async with service(token="right") as (_, app):
            told = AsgiClient(app, "websocket", STREAM, "token=wrong", extensions=EXTENSIONS)
            await told.over()
            assert told.sent[0]["type"] == "websocket.http.response.start" and told.sent[0]["status"] == 401
            closed = AsgiClient(app, "websocket", STREAM, "token=wrong")
            await closed.over()
            assert closed.sent == [{"type": "websocket.close", "code": 1008, "reason": "Unauthorized"}]
            right = AsgiClient(app, "websocket", STREAM, "token=right")
            await right.until(lambda: right.texts)
            right.disconnect()
            await right.over()

    asyncio.run(ask())


def test_a_place_is_free_again_when_its_client_has_gone() -> None:
    async def ask() -> list[int]:
        async with service(max_sessions=1) as (_, app):
            first = AsgiClient(app, "websocket", STREAM)
            await first.until(lambda: first.texts)
            full = AsgiClient(app, "websocket", STREAM, extensions=EXTENSIONS)
            await full.over()
            first.disconnect()
            await first.over()
            third = AsgiClient(app, "websocket", STREAM, extensions=EXTENSIONS)
            await third.until(lambda: third.texts)
            third.disconnect()
            await third.over()
            return [full.sent[0]["status"]]

    assert asyncio.run(ask()) == [503]


def test_a_message_that_is_too_long_is_told_before_the_close() -> None:
    async def send() -> AsgiClient:
        async with service() as (made, app):
            client = AsgiClient(app, "websocket", STREAM)
            client.audio(bytes(made.options.limits.max_frame_bytes + 2))
            await client.over()
            return client

    client = asyncio.run(send())
    assert [event.code for event in events(client) if isinstance(event, Error)] == ["message_too_large"]
    assert client.closing is not None and client.closing["code"] == 1009


def test_a_session_waits_for_its_client_when_the_asgi_server_is_lost() -> None:
    async def lose() -> list[AnyEvent]:
        async with service() as (_, app):
            first = AsgiClient(app, "websocket", STREAM)
            first.audio(as_sent(TALK[:16_000]).tobytes())
            await first.until(lambda: any(event.type == "speech.started" for event in events(first)))
            first.lose(ConnectionResetError("the proxy has died"))
            await first.over()
            created = events(first)[0]
            second = AsgiClient(app, "websocket", STREAM)
            ticket = {"session_id": created.session_id, "resume_token": created.resume_token}  # type: ignore[union-attr]
            second.say("session.resume", last_seq=0, **ticket)
            await second.until(lambda: any(event.type == "session.resumed" for event in events(second)))
            second.disconnect()
            await second.over()
            return events(second)

    [resumed] = [event for event in asyncio.run(lose()) if event.type == "session.resumed"]
    assert resumed.audio_s == 1.0  # type: ignore[union-attr]


def test_a_client_that_takes_nothing_is_a_slow_consumer() -> None:
    async def hold() -> Any:
        async with service(slow_s=0.5) as (made, app):
            client = AsgiClient(app, "websocket", STREAM)
            await client.until(lambda: client.texts)
            client.holding.clear()
            await eventually(lambda: [one for one in made.registry.connections if one.phase.name == "CLOSING"])
            client.holding.set()
            await client.over()
            return client.closing

    closing = asyncio.run(hold())
    assert closing is not None and closing["code"] == 4430
