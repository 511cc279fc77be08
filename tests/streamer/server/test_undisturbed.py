"""Rare meetings of events: none costs a session, and none costs anybody else's."""

import asyncio
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace
from raw_client import TALK, Raw, alone, begin_together, eventually, lasting, raw
from virtual_server import AnswersTwice, HeldEngine, serve_virtually
from websockets.asyncio.client import connect

from emoscope.streamer import VadConfig
from emoscope.streamer.protocol.events import Limits
from emoscope.streamer.server import Server, serving
from emoscope.streamer.server.phase import Phase
from emoscope.streamer.server.session_config import SessionConfigs
from emoscope.streamer.testing import CONTRACT, FakeEngine, differences

FAKE = (CONTRACT, FakeEngine())


def test_a_client_that_has_finished_may_be_silent_while_it_is_read_out() -> None:
    """Ten times as long as a client may be silent before."""
    engine = HeldEngine()

    async def talk(server: Server) -> Raw:
        async with raw(server.url) as client:
            await client.say("session.update", config={"pace": "fast"})
            await client.audio(TALK)
            await client.say("finish")
            await asyncio.sleep(10.0)
            assert not client.over
            engine.release()
            assert await client.closed() == 1000
            return client

    client = serve_virtually(talk, engine, limits=replace(Limits(), idle_timeout_s=1.0))
    assert differences(lasting(client.events), lasting(alone(TALK))) == []


def test_a_fault_in_one_session_leaves_the_results_of_the_others_in_its_batch(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The faulty session is first in the queue; its client gets the reason why the connection is closed."""
    engine = AnswersTwice()

    async def talk() -> tuple[int, Raw, Raw]:
        async with serving((CONTRACT, engine)) as server, raw(server.url) as bad, raw(server.url) as good:
            await begin_together(bad, good)
            engine.release()
            await good.audio(TALK[56_000:])
            await good.finished()
            return await bad.closed(), bad, good

    code, bad, good = asyncio.run(talk())
    assert (code, bad.errors) == (1011, ["model_failed"])
    assert [record.message for record in caplog.records].count("fault") == 1
    assert differences(lasting(good.events), lasting(alone(TALK, interim=False, vad=VadConfig(backend="webrtc")))) == []


def test_a_fault_while_a_connection_opens_is_told_before_it_is_closed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a fault of the server")

    async def talk() -> tuple[list[str], int, float | None]:
        async with serving(FAKE) as server, raw(server.url) as other:
            with monkeypatch.context() as patch:
                patch.setattr(SessionConfigs, "created", broken)
                async with connect(server.url) as socket:
                    client = Raw(socket)
                    code = await client.closed()
            await other.audio(TALK)
            await other.finished()
            counted = server.metrics.registry.get_sample_value("emoscope_errors_total", {"code": "fault"})
            return client.errors, code, counted

    assert asyncio.run(talk()) == (["model_failed"], 1011, 1.0)
    assert [record.message for record in caplog.records].count("fault") == 1


FRAME = b"\x82\x82" + bytes(4) + b"\0\0"  # one sample, masked with nothing
PING = b"\x89\xfd" + bytes(4) + bytes(125)


async def upgraded(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A websocket by hand, of a client that keeps to no rule of decency."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = [
        "GET /v1/stream HTTP/1.1", f"Host: 127.0.0.1:{port}", "Upgrade: websocket", "Connection: Upgrade",
        "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==", "", "",
    ]  # fmt: skip
    writer.write("\r\n".join(lines).encode())
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer


def test_whoever_sends_a_flood_of_tiny_frames_leaves_the_others_their_turn() -> None:
    async def flood() -> tuple[int, int]:
        async with serving(FAKE) as server:
            _, writer = await upgraded(server.port)
            await eventually(lambda: server.registry.connections)
            (connection,) = server.registry.connections
            turns, received, seen = 0, 0, [0, 0]
            receive = connection._receive_audio
            longest = 0

            async def counted(frame: bytes) -> None:
                nonlocal received, longest
                received += 1
                seen[:] = [turns, seen[1] + 1] if seen[0] == turns else [turns, 1]
                longest = max(longest, seen[1])
                await receive(frame)

            connection._receive_audio = counted  # type: ignore[method-assign]
            writer.write(FRAME * 20_000)
            while received < 20_000:
                turns += 1
                await asyncio.sleep(0)
            writer.close()
            return received, longest

    received, longest = asyncio.run(flood())
    assert received == 20_000 and longest <= 64


def test_whoever_pings_and_never_reads_is_closed_before_the_pongs_fill_the_memory() -> None:
    async def flood() -> tuple[float | None, int]:
        async with serving(FAKE, slow_s=1_000.0) as server:
            writer: Any
            _, writer = await upgraded(server.port)
            writer.transport.pause_reading()
            await eventually(lambda: server.registry.connections)
            (connection,) = server.registry.connections
            most = 0

            def closing_after_more_pings() -> bool:
                nonlocal most
                writer.write(PING * 500)
                most = max(most, connection.socket.unsent_bytes)
                return connection.phase is Phase.CLOSING

            await eventually(closing_after_more_pings)
            writer.transport.abort()
            seen = server.metrics.registry.get_sample_value("emoscope_errors_total", {"code": "slow_consumer"})
            return seen, most

    seen, most = asyncio.run(flood())
    assert seen == 1.0 and most < 64 * 1024 * 1024


def test_a_drain_in_the_middle_of_a_long_frame_is_no_fault(caplog: pytest.LogCaptureFixture) -> None:
    async def talk() -> Raw:
        async with serving(FAKE) as server, raw(server.url) as client:
            await client.audio(TALK[:1_600])
            await client.say("keepalive")
            await client.until("status")
            (connection,) = server.registry.connections
            feed = connection._feed

            def feed_once(samples: np.ndarray) -> None:
                feed(samples)
                connection._feed = feed  # type: ignore[method-assign]
                asyncio.get_running_loop().call_soon(connection.finish)

            connection._feed = feed_once  # type: ignore[method-assign]
            await client.audio(TALK, len(TALK))
            assert await client.closed() == 1000
            return client

    client = asyncio.run(talk())
    assert client.of("session.closed")
    assert "fault" not in [record.message for record in caplog.records]
