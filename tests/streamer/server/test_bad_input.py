"""Whatever a client sends: the documented answer, and nobody else notices."""

import asyncio
import gc
import json
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_recordings import write
from msgspec.structs import replace
from raw_client import TALK, Raw, alone, eventually, lasting, raw
from virtual_server import HeldEngine, serve_virtually
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from emoscope.streamer.protocol.encoded import encoded_format
from emoscope.streamer.protocol.events import Error, Limits
from emoscope.streamer.server import Server, open_sockets, serving
from emoscope.streamer.server.connection import Connection
from emoscope.streamer.server.phase import Phase
from emoscope.streamer.server.sockets import Socket
from emoscope.streamer.testing import CONTRACT, FakeEngine, differences, silence

FAKE = (CONTRACT, FakeEngine())


def peer(connection: Connection) -> object:
    """Address of the client's end."""
    assert isinstance(connection.socket, Socket)
    return connection.socket.remote_address


def error_count(server: Server, code: str) -> float | None:
    """How often the server counted that error."""
    return server.metrics.registry.get_sample_value("emoscope_errors_total", {"code": code})


@pytest.mark.parametrize(
    ("config", "frame", "code"),
    [
        ({}, bytes(641), "invalid_audio_frame"),
        ({"channels": 2}, bytes(642), "invalid_audio_frame"),
        ({}, bytes(320_002), "invalid_audio_frame"),
        ({"encoding": "pcm_f32le"}, np.full(160_000, np.nan, np.float32).tobytes(), "invalid_audio_frame"),
        ({"encoding": "pcm_f32le"}, np.full(1_600, np.inf, np.float32).tobytes(), "invalid_audio_frame"),
        ({"encoding": "pcm_f32le"}, np.full(1_600, 1e30, np.float32).tobytes(), "invalid_audio_frame"),
        ({}, "hello", "invalid_json"),
        ({}, '{"type":"audio","samples":[1,2,3]}', "unknown_type"),
        ({}, '{"type":"flush","at":3}', "invalid_json"),
        ({}, '{"type":"session.update","config":{"sample_rate":"fast"}}', "config_locked"),
        ({}, '{"type":"keepalive","last_seq":[1,2,3]}', "invalid_json"),
        ({}, "[" * 10_000, "invalid_json"),
        ({}, '{"type":"\\ud800"}', "invalid_json"),
    ],
)
def test_a_message_that_cannot_be_taken_changes_nothing(config: dict, frame: bytes | str, code: str) -> None:
    """The session goes on, and its events are those of the rest."""

    async def talk() -> Raw:
        async with serving(FAKE) as server, raw(server.url) as client:
            encoding = config.get("encoding", "pcm_s16le")
            await client.say("session.update", config={"pace": "fast", **config})
            whole = TALK if config.get("channels", 1) == 1 else np.stack([TALK, TALK], 1)
            await client.audio(whole[:30_000], encoding=encoding)
            await client.socket.send(frame)
            await client.audio(whole[30_000:], encoding=encoding)
            await client.finished()
            return client

    client = asyncio.run(talk())
    assert client.errors == [code]
    assert [e.type for e in lasting(client.events)] == [e.type for e in lasting(alone(TALK))]
    if config.get("encoding") is None:
        assert differences(lasting(client.events), lasting(alone(TALK))) == []


def test_an_encoding_that_is_not_known_is_refused_with_those_that_are() -> None:
    async def ask() -> tuple[Error, Error]:
        async with serving(FAKE) as server, raw(server.url) as client:
            await client.say("session.update", config={"encoding": "opus"})
            await client.say("session.update", config={"vad": {"backend": "loudness"}})
            return await client.until("error"), await client.until("error", 2)

    encoding, backend = asyncio.run(ask())
    assert (encoding.code, encoding.param) == ("config_invalid", "encoding")
    assert encoding.message.endswith("one of pcm_s16le, pcm_f32le, mulaw")
    assert backend.param == "vad.backend" and backend.message.endswith("one of webrtc, silero, both")


@pytest.mark.parametrize(
    ("container", "codec", "name"),
    [
        ("webm", "libopus", "WebM"), ("ogg", "libopus", "Ogg"), ("flac", "flac", "FLAC"), ("adts", "aac", "AAC"),
        ("mp4", "aac", "MP4"), ("mp3", "libmp3lame", "MP3"), ("mp3 without a tag", "libmp3lame", "MP3"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("block", [640, 100_000])
def test_compressed_sound_that_is_sent_as_samples_is_refused_by_name(
    container: str, codec: str, name: str, block: int, tmp_path: Path
) -> None:
    path = tmp_path / "sound"
    write(path, TALK, codec, container=container.split(maxsplit=1)[0])
    data = path.read_bytes()
    if "without" in container:
        size = [byte & 127 for byte in data[6:10]]
        data = data[10 + (size[0] << 21 | size[1] << 14 | size[2] << 7 | size[3]) :]

    async def send() -> tuple[Raw, float]:
        async with serving(FAKE) as server, raw(server.url) as client:
            for begin in range(0, len(data), block):
                await client.socket.send(data[begin : begin + block])
            await client.until("error")
            (connection,) = server.registry.connections
            return client, connection.session.audio_s

    client, audio_s = asyncio.run(send())
    assert set(client.errors) == {"invalid_audio_frame"}
    assert f"the audio is {name}" in client.of("error")[0].message
    assert audio_s <= 4_096 / 32_000  # nothing after the bytes that tell


@given(st.binary(max_size=4_096), st.sampled_from([b"", b"\xff\xfb\x90\x00", b"\xff\xf1\x50\x80"]))
def test_no_bytes_are_too_few_or_too_odd_to_be_looked_at(data: bytes, before: bytes) -> None:
    encoded_format(before + data)


@given(st.integers(0, 2**32))
def test_loud_noise_is_never_taken_for_compressed_sound(seed: int) -> None:
    noise = np.random.default_rng(seed).integers(-32_768, 32_768, 2_048, np.int16)
    assert encoded_format(noise.astype("<i2").tobytes()) == ""


def test_a_message_too_large_is_an_error_and_closes_the_connection() -> None:
    async def talk() -> tuple[int, list[str], Raw, float | None]:
        async with serving(FAKE) as server, raw(server.url) as other, raw(server.url, max_size=None) as client:
            with suppress(ConnectionClosed):
                await client.socket.send(bytes(2_000_000))
            code = await client.closed()
            await other.audio(TALK)
            await other.finished()
            return code, client.errors, other, error_count(server, "message_too_large")

    code, errors, other, counted = asyncio.run(talk())
    assert (code, errors, counted) == (1009, ["message_too_large"], 1.0)
    assert len(other.of("emotion.final")) == 2


def test_an_idle_client_is_closed_and_a_kept_alive_one_is_not() -> None:
    async def talk(server: Server) -> tuple[int, list[str], bool]:
        async with raw(server.url) as idle, raw(server.url) as alive:
            for _ in range(8):
                await alive.say("keepalive")
                await asyncio.sleep(20.0)
            return await idle.closed(), idle.errors, alive.over

    assert serve_virtually(talk) == (4408, ["idle_timeout"], False)


@pytest.mark.parametrize("pace", ["realtime", "fast"])
def test_an_idle_client_gets_the_final_of_what_it_had_said(pace: str) -> None:
    """It stops sending in the middle of its only utterance."""

    async def talk(server: Server) -> tuple[int, Raw]:
        async with raw(server.url) as idle:
            await idle.say("session.update", config={"pace": pace})
            await idle.audio(TALK[:32_000])
            return await idle.closed(), idle

    code, idle = serve_virtually(talk, limits=replace(Limits(), idle_timeout_s=3.0))
    assert (code, idle.errors) == (4408, ["idle_timeout"])
    (final,) = idle.of("emotion.final")
    assert final.end == pytest.approx(2.0, abs=0.02)


def test_a_muted_client_gets_the_final_of_what_it_had_said_and_speaks_on_later() -> None:
    """It keeps the connection alive, and sends no audio for a while in the middle of an utterance."""

    async def talk(server: Server) -> Raw:
        async with raw(server.url) as client:
            await client.audio(TALK[:32_000])
            for _ in range(8):
                await asyncio.sleep(1.0)
                await client.say("keepalive")
            assert [final.end for final in client.of("emotion.final")] == [pytest.approx(2.0, abs=0.02)]
            await client.audio(TALK[32_000:])
            await client.finished()
            return client

    client = serve_virtually(talk)
    assert [event.utterance for event in client.of("emotion.final")] == [1, 2, 3]
    (closed,) = client.of("session.closed")
    assert closed.totals.audio_s == pytest.approx(len(TALK) / 16_000)


@pytest.mark.parametrize("stands_still_s", [4.0, 12.0])
def test_a_client_whose_network_stands_still_keeps_its_utterance(stands_still_s: float) -> None:
    async def talk(server: Server) -> Raw:
        async with raw(server.url) as client:
            await client.audio(TALK[:32_000])
            await asyncio.sleep(stands_still_s)
            await client.audio(TALK[32_000:])
            await client.finished()
            return client

    client = serve_virtually(talk)
    assert differences(lasting(client.events), lasting(alone(TALK))) == []


def test_a_file_sent_faster_than_its_window_is_closed() -> None:
    async def talk(server: Server) -> tuple[int, list[str]]:
        async with raw(server.url) as client:
            await client.say("session.update", config={"pace": "fast"})
            with suppress(ConnectionClosed):
                for _ in range(8):
                    await client.audio(TALK)
            return await client.closed(), client.errors

    code, errors = serve_virtually(talk, HeldEngine(), limits=Limits(fast_backlog_s=5.0))
    assert (code, errors) == (4429, ["backlog_exceeded"])


def test_a_flood_of_messages_is_limited_and_reported_once() -> None:
    async def talk(server: Server) -> Raw:
        async with raw(server.url) as client:
            for _ in range(400):
                await client.say("keepalive")
            await client.until("error")
            await client.audio(TALK)
            await asyncio.sleep(1.0)  # until messages are read again
            await client.finished()
            return client

    client = serve_virtually(talk)
    assert "rate_limited" in client.errors and len(client.errors) < 10
    assert len(client.of("status")) < 200
    assert len(client.of("emotion.final")) == 2


def test_a_session_that_lasts_too_long_expires() -> None:
    async def talk() -> tuple[int, list[str]]:
        async with serving(FAKE, max_session_s=2.0) as server, raw(server.url) as client:
            await client.audio(silence(2.5), 8_000)
            return await client.closed(), client.errors

    assert asyncio.run(talk()) == (4410, ["session_expired"])


def test_a_client_that_never_reads_is_closed_and_costs_the_others_nothing() -> None:
    async def talk(server: Server) -> tuple[float | None, Raw]:
        async with raw(server.url) as other:
            deaf = await connect(server.url, compression=None, ping_interval=None, max_queue=1)
            deaf.transport.pause_reading()
            # Answers of some size, never read: a config that is wrong names what was expected.
            wrong = json.dumps({"type": "session.update", "config": {"x" * 60_000: 1}})
            connections = server.registry.connections
            connection = next(one for one in connections if peer(one) == deaf.local_address)
            for _ in range(600):
                if connection.phase is Phase.CLOSING:
                    break
                with suppress(ConnectionClosed, TimeoutError):
                    await asyncio.wait_for(deaf.send(wrong), 1.0)
                await asyncio.sleep(0.05)
            counted = error_count(server, "slow_consumer")
            deaf.transport.abort()
            await other.audio(TALK)
            await other.finished()
            return counted, other

    counted, other = serve_virtually(talk, slow_s=1.5)
    assert counted == 1.0
    assert len(other.of("emotion.final")) == 2


def test_a_thousand_connections_at_once_are_served_or_turned_away_and_leave_nothing_behind() -> None:
    async def one(url: str) -> int:
        try:
            async with connect(url, compression=None, ping_interval=None, open_timeout=120) as socket:
                await socket.recv()
                await socket.send(bytes(6_400))
                await socket.send('{"type":"finish"}')
                with suppress(ConnectionClosed):
                    while True:
                        await socket.recv()
                return socket.close_code or 0
        except InvalidStatus as refused:
            return refused.response.status_code if "Retry-After" in refused.response.headers else 0

    async def crowd() -> tuple[list[int], int, int]:
        async with serving(FAKE, max_sessions=400) as server:
            codes = await asyncio.gather(*(one(server.url) for _ in range(1_000)))
            async with raw(server.url) as client:
                await client.audio(TALK)
                await client.finished()
            await eventually(lambda: not server.registry.connections)
            gc.collect()
            return codes, len(server.registry.connections), len(server.inference) + len(server.registry)

    codes, links, held = asyncio.run(crowd())
    assert set(codes) <= {1000, 503} and codes.count(1000) >= 400
    assert links == 0 and held == 0


def test_whoever_opens_connections_and_says_nothing_holds_few_of_them_and_keeps_nobody_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(open_sockets, "WAITING", 8)

    async def crowd() -> tuple[int, Raw]:
        async with serving(FAKE, max_sessions=4) as server, raw(server.url) as first:
            silent = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(100)]
            for _, writer in silent[::2]:
                writer.write(b"GET /v1/stream HTTP/1.1\r\n")
            async with raw(server.url) as second:  # it came after all of them
                await second.audio(TALK)
                await second.finished()
            closed = [asyncio.ensure_future(reader.read()) for reader, _ in silent]
            await eventually(lambda: sum(one.done() for one in closed) >= 92)
            await asyncio.sleep(0.2)
            kept = sum(not one.done() for one in closed)
            await first.audio(TALK)
            await first.finished()
            for one, (_, writer) in zip(closed, silent, strict=True):
                one.cancel()
                writer.close()
            await asyncio.gather(*closed, return_exceptions=True)
            return kept, first

    kept, first = asyncio.run(crowd())
    assert 7 <= kept <= 8  # the second client was one of eight for a moment
    assert differences(lasting(first.events), lasting(alone(TALK))) == []


def test_session_created_has_the_limits() -> None:
    async def talk() -> Limits:
        async with serving(FAKE, limits=Limits(resume_ttl_s=5.0)) as server, raw(server.url) as client:
            return client.created.limits

    assert asyncio.run(talk()) == replace(Limits(), resume_ttl_s=5.0)
