"""Tokens, passwords and words stay where they belong: not in a log, not in the list of processes, not guessable."""

import asyncio
import base64
import hmac
import json
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from raw_client import TALK, Raw, eventually, raw
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from emoscope.streamer.protocol.errors import UsageError
from emoscope.streamer.server import ServerOptions, serving
from emoscope.streamer.server.feed.webhook_target import WebhookTarget
from emoscope.streamer.server.logs import FIELDS, JsonLines
from emoscope.streamer.testing import CONTRACT, FakeEngine

FAKE = (CONTRACT, FakeEngine())
TOKEN, WATCHING = "token-of-a-sender-3141592653", "token-of-an-observer-2718281828"


def logged(caplog: pytest.LogCaptureFixture) -> str:
    """Everything that was logged, at every level, as the server writes it."""
    return "\n".join(JsonLines().format(record) for record in caplog.records)


def test_no_token_is_in_a_log(caplog: pytest.LogCaptureFixture) -> None:
    """Right ones and wrong ones, wherever a client puts them, and the token that resumes a session."""
    caplog.set_level(logging.INFO)
    wrong = "token-of-a-stranger-1618033988"

    async def knock(url: str, **headers: str) -> None:
        try:
            async with connect(url, additional_headers=headers) as socket:
                if "/twilio/" not in url:  # a provider speaks first
                    await socket.recv()
        except InvalidStatus:
            pass

    async def talk() -> list[str]:
        async with serving(FAKE, token=TOKEN, observe_token=WATCHING) as server:
            root = server.url.removesuffix("/v1/stream")
            for token in (TOKEN, WATCHING, wrong):
                basic = base64.b64encode(f"user:{token}".encode()).decode()
                await knock(f"{server.url}?token={token}")
                await knock(server.url, Authorization=f"Bearer {token}")
                await knock(server.url, Authorization=f"Basic {basic}")
                await knock(f"{root}/twilio/{token}")
                await knock(f"{root}/v1/observe/nobody?token={token}")
                await knock(f"{root}/elsewhere/{token}")
            async with raw(f"{server.url}?token={TOKEN}") as client:
                await client.audio(TALK)
                resume = client.created.resume_token
                await client.say("session.resume", session_id="x", resume_token=resume, last_seq=0)
            async with raw(f"{server.url}?token={TOKEN}") as client:
                await client.say("session.resume", session_id="x", resume_token=wrong, last_seq=0)
                await client.closed()
            await eventually(lambda: not server.registry.connections)
            assert resume is not None
            return [TOKEN, WATCHING, wrong, resume]

    secrets = asyncio.run(talk())
    assert '"opened"' in logged(caplog)
    assert [secret for secret in secrets if secret in logged(caplog)] == []


def test_a_line_of_the_log_is_one_line_whatever_it_holds() -> None:
    """Nobody can write an entry of their own (log injection), nor send a command to a terminal that shows the log."""
    record = logging.LogRecord("emoscope.server", logging.INFO, "", 0, "call", None, None)
    setattr(record, FIELDS, {"name": 'a\n{"event":"drained"}\r\x1b[2J\u2028'})
    line = JsonLines().format(record)
    assert not any(sign in line for sign in "\n\r\x1b")
    assert json.loads(line)["name"].startswith('a\n{"event"')


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_no_process_of_a_server_shows_a_token(tiny_model: Path) -> None:
    """Tokens and the store's password come from variables; the model's process gets none of them as an argument."""
    secrets = {"EMOSCOPE_TOKEN": TOKEN, "EMOSCOPE_OBSERVE_TOKEN": WATCHING, "EMOSCOPE_STORE": "memory"}
    command = [sys.executable, "-m", "emoscope.streamer.cli", "serve", "--port", "0", "--model", str(tiny_model)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **secrets}
    process = subprocess.Popen([*command, "--asr", "none"], stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stderr is not None
    try:
        started = next(line for line in process.stderr if json.loads(line)["event"] == "listening")
        assert json.loads(started)["store"] == "memory"
        arguments = [file.read_bytes() for file in _command_lines(process.pid)]
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert len(arguments) >= 2  # the server's and its model's
    assert [line for line in arguments if TOKEN.encode() in line or WATCHING.encode() in line] == []


def _command_lines(pid: int) -> list[Path]:
    """The files with the command line of a process and of its children."""
    children = Path(f"/proc/{pid}/task").glob("*/children")
    pids = [pid, *(int(child) for file in children for child in file.read_text().split())]
    return [Path(f"/proc/{each}/cmdline") for each in pids]


def test_the_password_of_a_store_is_in_no_log(redis_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """Neither before the host nor in the query; Redis without passwords takes one for the default user."""
    caplog.set_level(logging.INFO)

    async def start() -> None:
        options = ServerOptions(port=0, drain_s=2.0, store=f"{redis_url}?password=the-password")
        async with serving(FAKE, options=options):
            pass

    asyncio.run(start())
    assert '"listening"' in logged(caplog) and "?password=..." in logged(caplog)
    assert "the-password" not in logged(caplog)


def test_the_password_of_an_address_is_in_no_error() -> None:
    for url in ("ftp://user:the-password@host/x", "http://example.org/finals?key=the-password"):
        with pytest.raises(UsageError) as refused:
            WebhookTarget.parse(url)
        assert "the-password" not in str(refused.value)


def test_words_of_a_client_are_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    """What a message held that was refused is not repeated."""
    caplog.set_level(logging.INFO)

    async def talk() -> None:
        async with serving(FAKE) as server, raw(server.url) as client:
            await client.socket.send('{"type":"flush","said":"a-private-word"}')
            await client.socket.send("a-private-word")
            await client.finished()

    asyncio.run(talk())
    assert "a-private-word" not in logged(caplog)


def test_a_token_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each comparison of a token or of its hash goes through `hmac.compare_digest`, also where the lengths differ."""
    compared: list[tuple[object, object]] = []
    original = hmac.compare_digest

    def noted(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return original(one, other)

    monkeypatch.setattr(hmac, "compare_digest", noted)

    async def talk() -> Raw:
        async with serving(FAKE, token=TOKEN) as server:
            for token in (TOKEN[:-1], TOKEN + "x", "short"):
                with pytest.raises(InvalidStatus):
                    await connect(f"{server.url}?token={token}")
            async with raw(f"{server.url}?token={TOKEN}") as first:
                await first.audio(TALK)
            await eventually(lambda: not server.registry.connections)
            async with raw(f"{server.url}?token={TOKEN}") as second:
                created = first.created
                await second.say(
                    "session.resume", session_id=created.session_id, resume_token="a wrong one", last_seq=0
                )
                await second.closed()
                return second

    assert asyncio.run(talk()).errors == ["resume_unknown"]
    assert [other for _, other in compared[:3]] == [TOKEN.encode()] * 3
    assert any(isinstance(one, bytes) and len(one) == 32 for one, _ in compared)


def test_a_resume_token_cannot_be_guessed() -> None:
    """Each is new, and at least 128 random bits (OWASP ASVS 5.0, 7.2.3): 22 characters of base64."""

    async def open_many() -> list[Raw]:
        clients = []
        async with serving(FAKE) as server:
            for _ in range(50):
                async with raw(server.url) as client:
                    clients.append(client)
        return clients

    created = [client.created for client in asyncio.run(open_many())]
    tokens = [str(event.resume_token) for event in created]
    assert len(set(tokens)) == len({event.session_id for event in created}) == 50
    assert min(len(token) for token in tokens) >= 22
    assert not any(event.session_id in str(event.resume_token) for event in created)


def test_who_exposes_a_server_is_told_what_is_weak(tmp_path: Path) -> None:
    """A short token, and no TLS. On loopback neither matters."""
    assert ServerOptions(token="short").shortcomings() == []
    weak = ServerOptions(host="0.0.0.0", token="short", observe_token="brief").shortcomings()
    assert [line.split()[0] for line in weak] == ["--token", "--observe-token", "other"]
    assert not any("short" in line.split() or "brief" in line for line in weak)
    files = {"cert": tmp_path / "c", "key": tmp_path / "k"}
    assert ServerOptions(host="0.0.0.0", token=TOKEN, **files).shortcomings() == []  # type: ignore[arg-type]


def test_a_server_that_is_exposed_says_so_in_its_log(caplog: pytest.LogCaptureFixture) -> None:
    async def start() -> None:
        async with serving(FAKE, host="0.0.0.0", token="short"):
            pass

    asyncio.run(start())
    assert logged(caplog).count('"exposed"') == 2


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT"])
def test_only_get_is_answered(method: str) -> None:
    async def ask() -> bytes:
        async with serving(FAKE) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(f"{method} /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n".encode())
            answer = await asyncio.wait_for(reader.read(), 30)
            writer.close()
            return answer

    answer = asyncio.run(ask())
    assert answer.startswith(b"HTTP/1.1 4") and b"emoscope_" not in answer


def test_a_head_that_never_ends_is_refused() -> None:
    """A request with thousands of header fields is answered before it is whole."""

    async def flood() -> bytes:
        async with serving(FAKE) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"X-Long: 1\r\n" * 5_000)
            answer = await asyncio.wait_for(reader.read(), 30)
            writer.close()
            return answer

    assert asyncio.run(flood()).startswith((b"HTTP/1.1 400", b"HTTP/1.1 431"))


def test_no_call_is_heard_with_a_wrong_token_in_its_path() -> None:
    async def ring() -> int:
        async with serving(FAKE, token=TOKEN) as server:
            root = server.url.removesuffix("/v1/stream")
            with pytest.raises(InvalidStatus) as refused:
                await connect(f"{root}/twilio/{TOKEN}x")
            return refused.value.response.status_code

    assert asyncio.run(ring()) == 401
