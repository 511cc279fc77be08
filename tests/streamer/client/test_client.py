"""The client with the real server, over a working connection."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Sequence

import numpy as np
import pytest
from sent_speech import WHOLE, durable
from served import served
from waiting import DEADLINE_S

from emoscope.streamer import Config, Session
from emoscope.streamer.client import (
    Client,
    ConfigInvalid,
    InputError,
    RefusedByServer,
    SyncClient,
    UnreachableServer,
    UsageError,
    connection,
)
from emoscope.streamer.protocol.events import AnyEvent, Durable, Limits
from emoscope.streamer.session.requests import Request, Result
from emoscope.streamer.testing import CONTRACT, FakeEngine, differences, run


def expected(audio: np.ndarray, **options: object) -> list[Durable]:
    config = Config(**options)  # type: ignore[arg-type]
    return durable(run(Session(CONTRACT, config), FakeEngine(), [audio]))


def test_the_client_gets_what_a_replay_gives() -> None:
    """A server gives the same durable events as a local session, for int16, float and encoded bytes."""

    async def talk(url: str, config: Config, audio: object) -> list[AnyEvent]:
        async with Client(url, config) as client:
            await client.send(audio)  # type: ignore[arg-type]
            await client.finish()
            return [event async for event in client]

    with served() as server:
        for encoding, audio in (
            ("pcm_s16le", WHOLE),
            ("pcm_s16le", WHOLE.astype("<i2").tobytes()),
            ("pcm_f32le", WHOLE.astype(np.float32) / 32_768),
            ("pcm_f32le", WHOLE.astype(np.float64)[:, None] / 32_768),
        ):
            events = asyncio.run(talk(server.url, Config(pace="fast", encoding=encoding), audio))  # type: ignore[arg-type]
            assert events[0].type == "session.created" and events[-1].type == "session.closed"
            assert differences(durable(events), expected(WHOLE)) == []


def test_the_client_without_asyncio_sends_and_reads_at_once() -> None:
    """`SyncClient.stream` gives events while blocks are sent; the same events as a replay."""
    with served() as server, SyncClient(server.url, Config(pace="fast", sample_rate=16_000)) as client:
        seen = list(client.stream(np.array_split(WHOLE, 61)))
        assert client.ended and client.audio_s == len(WHOLE) / 16_000
    assert differences(durable(seen), expected(WHOLE)) == []


def test_commands_take_effect_at_their_sample() -> None:
    """A flush and a reset in the middle of a word cut it there."""
    with served() as server, SyncClient(server.url) as client:
        client.send(WHOLE[:24_000])
        client.flush()
        client.send(WHOLE[24_000:40_000])
        client.reset()
        client.send(WHOLE[40_000:])
        client.finish()
        events = durable(list(client))
    session, engine = Session(CONTRACT, Config()), FakeEngine()
    from emoscope.streamer.testing import answer_all

    here = []
    pieces = ((WHOLE[:24_000], session.flush), (WHOLE[24_000:40_000], session.reset), (WHOLE[40_000:], session.finish))
    for piece, then in pieces:
        here += answer_all(session, engine, *session.feed(piece))
        here += answer_all(session, engine, *then())
    assert differences(events, durable(here)) == []


def test_a_long_file_waits_for_the_server() -> None:
    """With `fast`, a minute and a half is never sent further ahead than the window, and nothing is lost."""
    audio = np.tile(WHOLE, 16)
    furthest = 0.0
    with served() as server, SyncClient(server.url, Config(pace="fast", interim=False)) as client:
        sent = 0

        def blocks() -> object:
            nonlocal furthest, sent
            for block in np.array_split(audio, 60):
                furthest = max(furthest, client.audio_s - client.processed_s)
                sent += 1
                yield block

        events = list(client.stream(blocks()))  # type: ignore[arg-type]
    assert furthest <= 60.0
    assert sent == 60
    assert differences(durable(events), expected(audio, interim=False)) == []


def test_split_channels_have_their_own_sequence_numbers() -> None:
    """The events of two channels carry their channel, and each channel counts its own events."""
    two = np.stack([WHOLE, np.roll(WHOLE, 8_000)], 1)
    config = Config(pace="fast", channels=2, channel_mode="split")
    with served() as server, SyncClient(server.url, config) as client:
        events = durable(list(client.stream([two])))
    for channel in (0, 1):
        mine = [event for event in events if event.channel == channel]
        assert [event.seq for event in mine] == list(range(1, len(mine) + 1))
        assert mine[-1].type == "session.closed"


def test_bad_audio_is_refused_before_it_is_sent() -> None:
    """Wrong shapes and types, partial samples and NaN raise in the client; the session continues."""
    with served() as server, SyncClient(server.url, Config(pace="fast")) as client:
        for wrong in (np.zeros((10, 2), np.float32), np.zeros(4, np.int64), b"odd", np.array([0.0, np.nan])):
            with pytest.raises(InputError):
                client.send(wrong)
        assert durable(list(client.stream([WHOLE]))) != []


def test_a_refused_connection_is_an_error_that_says_what_to_do() -> None:
    """No server, a wrong token, a full server, a wrong path, an option out of range."""
    with served(token="secret", max_sessions=1) as server:
        with pytest.raises(RefusedByServer, match="--token") as refused, SyncClient(server.url):
            pass
        assert refused.value.status == 401
        with pytest.raises(RefusedByServer, match="no stream at this path"), SyncClient(server.url + "x"):
            pass
        with SyncClient(server.url, token="secret"):
            with (
                pytest.raises(RefusedByServer, match="full; try again in") as refused,
                SyncClient(server.url, token="secret"),
            ):
                pass
            assert refused.value.status == 503 and refused.value.retry_after_s
        port = server.port
    with pytest.raises(UnreachableServer, match="connection refused"), SyncClient(f"ws://127.0.0.1:{port}"):
        pass
    with served() as server:
        with (
            pytest.raises(ConfigInvalid, match="at most 48000") as invalid,
            SyncClient(server.url, Config(sample_rate=96_000)),
        ):
            pass
        assert invalid.value.param == "sample_rate"
        with pytest.raises(UnreachableServer, match="TLS"), SyncClient(server.url.replace("ws:", "wss:")):
            pass
    for url in ("127.0.0.1:8765", "http://127.0.0.1", "ws://", "ws://host:port"):
        with pytest.raises(UsageError):
            SyncClient(url)


@pytest.mark.parametrize("backlog_s", [5.0, 20.0])
def test_a_file_keeps_to_the_window_of_its_server(backlog_s: float) -> None:
    """The server's limit decides how far a file is sent ahead: not less, not more, and nothing of a minute is lost."""
    window_full = threading.Event()

    class Blocked(FakeEngine):
        """Answers nothing until the client's window was full once."""

        def __call__(self, requests: Sequence[Request]) -> list[Result]:
            assert window_full.wait(120.0)
            return super().__call__(requests)

    minute = np.concatenate([WHOLE] * 10)
    ahead_s: list[float] = []
    with (
        served((CONTRACT, Blocked()), limits=Limits(fast_backlog_s=backlog_s), batch=2) as server,
        SyncClient(server.url, Config(pace="fast")) as client,
    ):
        events = []
        for event in client.stream(np.array_split(minute, 300)):
            events.append(event)
            ahead_s.append(client.audio_s - client.processed_s)
            if not client.ready_to_send:
                window_full.set()
    assert differences(durable(events), expected(minute)) == []
    assert backlog_s / 2 < max(ahead_s) <= backlog_s


def test_a_server_of_another_protocol_is_recognised() -> None:
    """A websocket without the subprotocol, and a port that closes the connection at once."""
    import websockets

    async def strange() -> str:
        async with websockets.serve(lambda socket: socket.wait_closed(), "127.0.0.1", 0) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            with pytest.raises(RefusedByServer) as refused:
                async with Client(f"ws://127.0.0.1:{port}"):
                    pass
            return str(refused.value)

    assert "does not speak emoscope.v1" in asyncio.run(strange())

    async def mute() -> str:
        async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(UnreachableServer) as refused:
                async with Client(f"ws://127.0.0.1:{port}"):
                    pass
            return str(refused.value)

    assert "wss://" in asyncio.run(mute())


def test_closing_early_ends_the_iteration() -> None:
    """`close` from another thread ends a loop that waits for events, also with audio and events that nobody read."""
    with served() as server:
        client = SyncClient(server.url)
        with client:
            client.send(WHOLE)
            closing = threading.Thread(target=client.close)
            types: list[str] = []
            for event in client:
                if not types:
                    closing.start()
                types.append(event.type)
            closing.join()
        assert types[0] == "session.created" and "session.closed" not in types
        with pytest.raises(UsageError, match="closed"):
            client.send(WHOLE)


def test_a_call_that_the_client_no_longer_comes_to_is_an_error() -> None:
    """Its thread ended while the call waited, so nobody would ever answer."""
    client = SyncClient("ws://127.0.0.1:9")
    errors: list[BaseException] = []

    async def wait_for_ever() -> None:
        client._loop.stop()
        await asyncio.Event().wait()

    def call() -> None:
        try:
            client._call(wait_for_ever())
        except BaseException as error:
            errors.append(error)

    client._thread.start()
    calling = threading.Thread(target=call, daemon=True)
    calling.start()
    calling.join(DEADLINE_S)
    assert [type(error) for error in errors] == [UsageError]
    client._loop.close()


def test_a_sender_that_breaks_ends_the_client_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug on the way up is raised from the iteration, although the connection is whole and nothing times out."""
    monkeypatch.setattr(connection, "ANSWER_TIMEOUT_S", 2 * DEADLINE_S)

    def broken(now: float) -> bytes:
        raise ZeroDivisionError("a bug")

    async def talk(url: str) -> None:
        async with Client(url) as client, asyncio.timeout(DEADLINE_S):
            client._core.next_message = broken  # type: ignore[method-assign]
            async for _ in client:
                await client.send(WHOLE[:1_600])

    with served(limits=Limits(idle_timeout_s=2 * DEADLINE_S)) as server, pytest.raises(ZeroDivisionError):
        asyncio.run(talk(server.url))


def test_the_client_needs_neither_torch_nor_the_models() -> None:
    """A new interpreter that imports the client has loaded none of them, except for the error classes."""
    code = (
        "import sys, emoscope.streamer.client\n"
        "heavy = {'torch', 'transformers', 'faster_whisper', 'soundfile', 'sounddevice', 'rich', 'soxr'}\n"
        "print(sorted(m for m in sys.modules if m.split('.')[0] in heavy or m.startswith('emoscope.models')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "['emoscope.models', 'emoscope.models.errors']"
