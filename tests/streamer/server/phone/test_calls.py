"""Calls that telephone providers stream are read as any session is, and nothing that they do wrong is a traceback."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import numpy as np
import pytest
from observing import TOKEN, observing
from phone_calls import CHUNK, CONNECTED, STOP, call, chunks, media, mulaw, telnyx_start, twilio_start
from raw_client import Raw, eventually, lasting, raw
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from emoscope.streamer import Config, Session
from emoscope.streamer.protocol.audio import decode_audio
from emoscope.streamer.protocol.events import AnyEvent, Durable, Limits, SessionClosed
from emoscope.streamer.server import Server, serving
from emoscope.streamer.server.phone.tracks import HELD
from emoscope.streamer.testing import CONTRACT, FakeEngine, differences, run, silence, voice

FAKE = (CONTRACT, FakeEngine())
SPOKEN = np.concatenate([silence(0.6), voice(2.5), silence(1.0), voice(1.2, 200.0, seed=1), silence(1.0)])[::2]
OTHER = np.concatenate([silence(1.8), voice(2.0, 120.0, seed=4), silence(2.5)])[::2]
INBOUND, OUTBOUND = mulaw(SPOKEN), mulaw(OTHER)


def replayed(data: bytes) -> list[Durable]:
    """The durable events of the same sound in a file."""
    samples = decode_audio(data, Config(sample_rate=8_000, encoding="mulaw"), 60.0)
    return lasting(run(Session(CONTRACT, Config(sample_rate=8_000)), FakeEngine(), [samples]))


def of_channel(events: Iterable[AnyEvent], channel: int) -> list[Durable]:
    """The durable events of one channel, as they would be if it were alone."""
    own = (event for event in lasting(list(events)) if event.channel == channel)
    return [msgspec.structs.replace(event, channel=msgspec.UNSET) for event in own]


@asynccontextmanager
async def ringing(
    path: str = "/twilio", name: str = "CA1", start: Any = None, **options: Any
) -> AsyncIterator[tuple[Server, ClientConnection, Raw]]:
    """A server, a provider's socket that has said `start`, and an observer of the call."""
    async with serving(FAKE, observe_token=TOKEN, **options) as server:
        url = f"ws://127.0.0.1:{server.port}{path}"
        async with connect(url, compression=None) as socket:
            await socket.send(twilio_start() if start is None else start)
            await eventually(lambda: server.feeds.find(name) is not None)
            async with observing(server, name) as observer:
                yield server, socket, observer


async def heard(messages: Iterable[str | bytes], *, ending: str = "stop", **options: Any) -> list[AnyEvent]:
    """Events of a call whose `start` was said; `ending` is what the provider does at last."""
    async with ringing(**options) as (_, socket, observer):
        for message in messages:
            await socket.send(message)
        if ending == "abort":
            socket.transport.abort()
        elif ending == "close":
            await socket.close()
        assert await observer.closed() == 1000
        return observer.events


def test_finals_of_a_call_are_those_of_a_replay() -> None:
    events = asyncio.run(heard([CONNECTED, *chunks(INBOUND), STOP]))
    assert differences(lasting(events), replayed(INBOUND)) == []
    assert sum(event.type == "emotion.final" for event in events) == 2


@pytest.mark.parametrize("ending", ["abort", "close"])
def test_a_call_that_stops_without_stop_is_read_to_its_end(ending: str) -> None:
    events = asyncio.run(heard(chunks(INBOUND), ending=ending))
    assert differences(lasting(events), replayed(INBOUND)) == []


def test_a_call_in_which_nothing_comes_any_more_is_read_to_its_end() -> None:
    async def fall_silent() -> list[AnyEvent]:
        limits = Limits(idle_timeout_s=0.5)
        async with ringing(limits=limits) as (_, socket, observer):
            for message in chunks(INBOUND):
                await socket.send(message)
            assert await observer.closed() == 1000
            assert observer.errors == ["idle_timeout"]
            await asyncio.wait_for(socket.wait_closed(), 10)
            assert socket.close_code == 1000
            return observer.events

    assert differences(lasting(asyncio.run(fall_silent())), replayed(INBOUND)) == []


@pytest.mark.parametrize("ending", ["silence", "drain"])
def test_chunks_that_wait_for_a_lost_one_are_read_when_a_call_ends_without_stop(ending: str) -> None:
    """The second chunk is lost, and no more come than may wait for it."""

    async def end() -> list[AnyEvent]:
        limits = Limits(idle_timeout_s=0.5 if ending == "silence" else 60.0)
        async with ringing(limits=limits, drain_s=20.0) as (server, socket, observer):
            for number in (1, *range(3, 3 + HELD)):
                await socket.send(media(INBOUND[: 8 * CHUNK], number, time_ms=160 * (number - 1)))
            if ending == "drain":
                await asyncio.sleep(0.5)
                await server.drain()
            await observer.closed()
            return observer.events

    [closed] = [event for event in asyncio.run(end()) if isinstance(event, SessionClosed)]
    assert closed.totals.audio_s == pytest.approx((2 + HELD) * 0.16)


def test_the_two_tracks_of_a_call_are_two_channels() -> None:
    both = twilio_start(("inbound", "outbound"))
    events = asyncio.run(heard([*chunks(INBOUND, OUTBOUND), STOP], start=both))
    silent = b"\xff" * (max(len(INBOUND), len(OUTBOUND)) - len(OUTBOUND))
    assert differences(of_channel(events, 0), replayed(INBOUND)) == []
    assert differences(of_channel(events, 1), replayed(OUTBOUND + silent)) == []


def test_a_track_that_sends_nothing_does_not_hold_the_other_up() -> None:
    both = twilio_start(("inbound", "outbound"))
    events = asyncio.run(heard([*chunks(INBOUND), STOP], start=both))
    assert differences(of_channel(events, 0), replayed(INBOUND)) == []
    assert [event.type for event in of_channel(events, 1)] == ["session.closed"]


def test_telnyx_names_things_otherwise_and_its_tracks_are_asked_for() -> None:
    options = {"path": "/telnyx?tracks=both", "name": "v2:T02", "start": telnyx_start()}
    events = asyncio.run(heard([*chunks(INBOUND, INBOUND), STOP], **options))
    for channel in (0, 1):
        assert differences(of_channel(events, channel), replayed(INBOUND)) == []


@pytest.mark.parametrize(
    "start",
    [
        "MEDIA_START connection_id:c1 channel:WebSocket/c1/0x1 channel_id:17.1 format:ulaw optimal_frame_size:160",
        json.dumps({"event": "MEDIA_START", "connection_id": "c1", "channel_id": "17.1", "format": "ulaw"}),
    ],
)
def test_asterisk_sends_binary_messages_and_closes_at_the_end(start: str) -> None:
    blocks = [INBOUND[place : place + CHUNK] for place in range(0, len(INBOUND), CHUNK)]
    said = ["MEDIA_XON", '{"event":"DTMF_END","digit":"1"}']
    options = {"path": "/asterisk", "name": "17.1", "start": start}
    events = asyncio.run(heard([*blocks[:9], *said, *blocks[9:]], ending="close", **options))
    assert differences(lasting(events), replayed(INBOUND)) == []


def test_linear_sound_of_asterisk_has_the_rate_of_its_format() -> None:
    wide = (np.concatenate([silence(0.5), voice(2.0), silence(1.0)]) * 32_768).astype("<i2")
    blocks = [wide[place : place + 320].tobytes() for place in range(0, len(wide), 320)]
    options = {"path": "/asterisk", "name": "17.1", "start": "MEDIA_START channel_id:17.1 format:slin16"}
    events = asyncio.run(heard(blocks, ending="close", **options))
    expected = lasting(run(Session(CONTRACT, Config()), FakeEngine(), [wide.astype(np.int16)]))
    assert differences(lasting(events), expected) == []


def test_parameters_of_the_call_name_its_session_and_its_language() -> None:
    start = twilio_start(session="desk 7", language="de", other="x")
    events = asyncio.run(heard([STOP], name="desk 7", start=start))
    assert any(event.type == "session.updated" and event.config.language == "de" for event in events)


def test_sound_before_start_is_told_once_and_not_read() -> None:
    async def early() -> tuple[list[AnyEvent], bytes]:
        async with (
            serving(FAKE, observe_token=TOKEN) as server,
            connect(f"ws://127.0.0.1:{server.port}/twilio", compression=None) as socket,
        ):
            [listed] = server.feeds.listed()
            async with observing(server, str(listed["session_id"])) as observer:
                for message in [*list(chunks(INBOUND))[:20], twilio_start(), *chunks(INBOUND), STOP]:
                    await socket.send(message)
                assert await observer.closed() == 1000
                return observer.events, server.metrics.text()

    events, metrics = asyncio.run(early())
    assert differences(lasting(events), replayed(INBOUND)) == []
    [error] = [event for event in events if event.type == "error"]
    assert error.code == "invalid_audio_frame" and "before the start" in error.message and not error.fatal
    assert b'emoscope_errors_total{code="invalid_audio_frame"} 20.0' in metrics


WRONG = {
    "base64 that is none": (json.dumps({"event": "media", "media": {"payload": "?"}}), "invalid_audio_frame"),
    "letters that are none": (json.dumps({"event": "media", "media": {"payload": "é"}}), "invalid_audio_frame"),
    "a binary message": (b"\0" * 160, "invalid_audio_frame"),
    "another track": (media(b"\xff" * 160, 900, "outbound"), "invalid_audio_frame"),
    "no JSON": ("{", "invalid_json"),
    "a list": ("[]", "invalid_json"),
    "no event": ("{}", "invalid_json"),
    "media without media": (json.dumps({"event": "media"}), "invalid_json"),
    "media of another kind": (json.dumps({"event": "media", "media": 7}), "invalid_json"),
    "a payload that is a number": (json.dumps({"event": "media", "media": {"payload": 7}}), "invalid_json"),
    "a chunk that is no number": (
        json.dumps({"event": "media", "media": {"payload": "", "chunk": "one"}}),
        "invalid_json",
    ),
    "a time that no clock reaches": (
        json.dumps({"event": "media", "media": {"payload": "", "timestamp": 10**400}}),
        "invalid_json",
    ),
    "a second start": (twilio_start(), "invalid_json"),
    "a start without an object": (json.dumps({"event": "start"}), "invalid_json"),
    "an event of later years": (json.dumps({"event": "video", "video": {}}), None),
}


@pytest.mark.parametrize(("message", "code"), WRONG.values(), ids=WRONG.keys())
def test_a_message_that_cannot_be_understood_is_told_and_the_call_goes_on(
    message: str | bytes, code: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    sound = list(chunks(INBOUND))
    with caplog.at_level(logging.ERROR, "emoscope.server"):
        events = asyncio.run(heard([*sound[:50], message, message, *sound[50:], STOP]))
    assert differences(lasting(events), replayed(INBOUND)) == []
    assert [event.code for event in events if event.type == "error"] == ([code] if code else [])
    assert caplog.records == []


def test_a_call_may_come_in_one_piece() -> None:
    events = asyncio.run(heard([media(INBOUND, 1), STOP]))
    assert differences(lasting(events), replayed(INBOUND)) == []


@pytest.mark.parametrize(
    ("path", "start", "said"),
    [
        ("/twilio", telnyx_start("OPUS"), "'OPUS'"),
        ("/telnyx", telnyx_start("G722"), "PCMU"),
        ("/asterisk", "MEDIA_START format:opus", "ulaw"),
        ("/asterisk", "MEDIA_START format:slin96", "slin48"),
        ("/asterisk", f"MEDIA_START format:{'☎' * 100}", "☎"),
        ("/twilio", json.dumps({"event": "start", "start": {"mediaFormat": {"sampleRate": 7}}}), "sample_rate"),
    ],
)
def test_a_stream_that_cannot_be_read_is_closed_with_the_reason(path: str, start: str, said: str) -> None:
    async def dial() -> tuple[int | None, str | None]:
        async with (
            serving(FAKE) as server,
            connect(f"ws://127.0.0.1:{server.port}{path}", compression=None) as socket,
        ):
            await socket.send(start)
            await asyncio.wait_for(socket.wait_closed(), 10)
            return socket.close_code, socket.close_reason

    code, reason = asyncio.run(dial())
    assert code == 4400 and reason is not None and said in reason


def test_a_provider_is_sent_nothing() -> None:
    async def listen() -> list[Any]:
        async with (
            serving(FAKE) as server,
            connect(f"ws://127.0.0.1:{server.port}/signalwire", compression=None) as socket,
        ):
            for message in call(INBOUND):
                await socket.send(message)
            return [message async for message in socket]

    assert asyncio.run(listen()) == []


def test_a_token_comes_in_the_path_the_query_or_the_header() -> None:
    async def knock(path: str, **headers: str) -> int:
        async with serving(FAKE, token="sesame") as server:
            try:
                url = f"ws://127.0.0.1:{server.port}{path}"
                async with connect(url, additional_headers=headers):
                    return 101
            except InvalidStatus as refused:
                return refused.response.status_code

    basic = {"Authorization": "Basic YXN0ZXJpc2s6c2VzYW1l"}  # asterisk:sesame
    came = [
        asyncio.run(knock("/twilio/sesame")),
        asyncio.run(knock("/telnyx?token=sesame")),
        asyncio.run(knock("/telnyx", Authorization="Bearer sesame")),
        asyncio.run(knock("/asterisk", **basic)),
        asyncio.run(knock("/twilio")),
        asyncio.run(knock("/twilio/sesam")),
        asyncio.run(knock("/asterisk", Authorization="Basic ?")),
        asyncio.run(knock("/vonage/sesame")),
        asyncio.run(knock("/v1/stream?token=sesame", Authorization="Basic cHJveHk6d29yZA==")),  # a proxy's own
    ]
    assert came == [101, 101, 101, 101, 401, 401, 401, 404, 101]


def test_calls_count_among_the_sessions_and_are_measured() -> None:
    async def fill() -> bytes:
        async with ringing(max_sessions=1) as (server, socket, observer):
            with pytest.raises(InvalidStatus, match="503"):
                await connect(server.url).__aenter__()
            for message in [*chunks(INBOUND), STOP]:
                await socket.send(message)
            await observer.closed()
            return server.metrics.text()

    metrics = asyncio.run(fill())
    assert b'emoscope_phone_calls_total{provider="twilio"} 1.0' in metrics
    assert b'emoscope_events_total{type="emotion.final"} 2.0' in metrics


def test_a_call_is_read_to_its_end_when_the_server_goes_down() -> None:
    async def go_down() -> list[AnyEvent]:
        async with ringing(drain_s=20.0) as (server, socket, observer):
            for message in chunks(INBOUND):
                await socket.send(message)
            await observer.until("emotion.interim")
            await server.drain()
            await observer.closed()
            return observer.events

    events = asyncio.run(go_down())
    assert any(event.type == "emotion.final" for event in events)
    assert lasting(events)[-1].type == "session.closed"


def test_a_client_of_the_protocol_beside_a_call_is_not_disturbed() -> None:
    async def beside() -> list[AnyEvent]:
        async with ringing() as (server, socket, _), raw(server.url) as owner:
            for message in ["{", *chunks(INBOUND)]:
                await socket.send(message)
            samples = decode_audio(INBOUND, Config(sample_rate=8_000, encoding="mulaw"))
            await owner.say("session.update", config={"sample_rate": 8_000})
            await owner.audio(samples.reshape(-1))
            return await owner.finished()

    assert differences(lasting(asyncio.run(beside())), replayed(INBOUND)) == []
