"""How the server goes: in order where it can, and by its deadline whatever hangs."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from raw_client import TALK, Raw, lasting, raw
from waiting import wait_until
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from emoscope.streamer.server import serving
from emoscope.streamer.testing import CONTRACT, FakeEngine

FAKE = (CONTRACT, FakeEngine())
DRAIN_S = 2.0
LATE_S = 8.0  # so late may a machine be that has other work; what hangs does so for ever


def test_a_drain_lets_finals_out_says_goodbye_and_accepts_nobody() -> None:
    async def talk() -> tuple[Raw, int, bool]:
        async with serving(FAKE) as server, raw(server.url) as client:
            await client.audio(TALK[:40_000])  # in the middle of an utterance
            await client.until("speech.started")
            drained = asyncio.ensure_future(server.drain(3.0))
            code = await client.closed()
            await drained
            refused = False
            try:
                await connect(server.url)
            except OSError:
                refused = True
            return client, code, refused

    client, code, refused = asyncio.run(talk())
    assert refused
    assert [e.type for e in lasting(client.events)][-3:] == ["emotion.final", "mood", "session.closed"]
    assert (code, client.errors) == (
        1001,
        ["shutting_down"],
    )  # 1000 would mean that all of its audio was read


def test_an_idle_client_gets_shutting_down_when_the_server_ends() -> None:
    async def talk() -> tuple[int, list[str]]:
        async with serving(FAKE) as server, raw(server.url) as client:
            await server.drain(2.0)
            return await client.closed(), client.errors

    assert asyncio.run(talk()) == (1001, ["shutting_down"])


def test_sigterm_ends_the_command_with_exit_code_0(tiny_model: Path) -> None:
    command = [sys.executable, "-m", "emoscope.streamer.cli", "serve", "--port", "0", "--model", str(tiny_model)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert process.stderr is not None
    missing = json.loads(process.stderr.readline())
    assert missing["message"] == "no words; `emoscope doctor` says what to do"
    listening = json.loads(process.stderr.readline())
    assert listening["event"] == "listening"

    async def talk() -> Raw:
        async with raw(listening["url"], open_timeout=60) as client:
            await client.say("session.update", config={"vad": {"backend": "webrtc"}})  # a made voice
            await client.audio(TALK[:40_000])
            await client.until("speech.started")
            process.send_signal(signal.SIGTERM)
            await client.closed()
            return client

    client = asyncio.run(talk())
    assert process.wait(30) == 0
    assert client.of("emotion.final") and client.of("session.closed")
    logs = process.stderr.read()
    events = [json.loads(line)["event"] for line in logs.splitlines()]
    assert events[0] == "opened" and events[-1] == "drained"
    token = client.created.resume_token
    assert token is not None and token not in logs


# --- the deadline


HANGING = """
import asyncio, sys, time
from emoscope.streamer.runtime.shutdown import GracefulShutdown
from emoscope.streamer.server import ServerOptions, Store, run
from emoscope.streamer.server.logs import JsonLines, Log, to_stderr
from emoscope.streamer.testing import CONTRACT, FakeEngine

what, drain_s, redis = sys.argv[1], float(sys.argv[2]), sys.argv[3]

def for_ever(*_, **__):
    while True:
        time.sleep(100)

class HangingStore(Store):
    outlives = True

    async def put(self, *_):
        if what == "event loop":
            for_ever()
        await self.close()

    async def check(self): pass
    take = remove = put

    async def close(self):
        while True:
            try:
                await asyncio.sleep(100)
            except asyncio.CancelledError:
                pass

class HangingEngine(FakeEngine):
    def __call__(self, requests):
        return for_ever() if what == "engine" else super().__call__(requests)

class HangingRecognizer:
    name, languages, failure, last_exit, gave_up, busy_s = "hanging", ("en",), "", "", False, 0.0
    supports = lambda self, language: True
    loaded = lambda self, timeout_s=0.0: True
    close = ask = __call__ = for_ever

class HangingLog(JsonLines):
    def format(self, record):
        return for_ever() if what == "log" and record.getMessage() == "draining" else super().format(record)

to_stderr()
import logging
for handler in logging.getLogger("emoscope.server").handlers:
    handler.setFormatter(HangingLog())
store = HangingStore() if what in ("store", "event loop") else None
options = ServerOptions(port=0, drain_s=drain_s, store=redis if what == "redis" else "memory")
recognizers = [HangingRecognizer()] if what == "recognizer" else []
with GracefulShutdown(drain_s, Log().late) as shutdown:
    asyncio.run(run(CONTRACT, HangingEngine(), options, recognizers, store=store, shutdown=shutdown))
"""


@pytest.mark.parametrize(
    "what", ["nothing", "client", "stranger", "engine", "recognizer", "store", "redis", "event loop", "log"]
)
def test_by_its_deadline_the_server_is_gone_whatever_hangs(what: str) -> None:
    """Its exit code is 0, and where it could go in order it did, well before."""
    with socket.create_server(("127.0.0.1", 0)) as deaf_redis:  # takes connections and says nothing
        redis = f"redis://127.0.0.1:{deaf_redis.getsockname()[1]}/0"
        process = subprocess.Popen(
            [sys.executable, "-c", HANGING, what, str(DRAIN_S), redis], stderr=subprocess.PIPE, text=True
        )
        assert process.stderr is not None
        try:
            listening = json.loads(process.stderr.readline())
            took, client = asyncio.run(_told_to_go(process, listening["url"], what))
            logs = process.stderr.read()
        finally:
            process.kill()
            process.wait()
    assert process.returncode == 0, logs
    assert took < DRAIN_S + LATE_S
    events = [json.loads(line)["event"] for line in logs.splitlines()]
    last = {"store": "cut short", "event loop": "cut short", "log": "opened"}  # a log that hangs says nothing any more
    assert events[-1] == last.get(what, "drained"), logs
    if what in ("nothing", "stranger", "engine", "recognizer"):
        assert client.of("session.closed") and client.errors == ["shutting_down"]


async def _told_to_go(process: subprocess.Popen, url: str, what: str) -> tuple[float, Raw]:
    """Seconds from SIGTERM to the end, and what a client in the middle of an utterance received."""
    port = int(url.rpartition(":")[2].partition("/")[0])
    async with raw(url, open_timeout=60) as client:
        stranger = await asyncio.open_connection("127.0.0.1", port) if what == "stranger" else None
        await client.say("session.update", config={"vad": {"backend": "webrtc"}})  # a made voice
        await client.audio(TALK[:40_000])
        if what != "event loop":
            await client.until("speech.started")
        if what == "client":
            client.socket.transport.pause_reading()
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        await asyncio.to_thread(process.wait, 60)
        took = time.monotonic() - began
        client.socket.transport.abort()
        with suppress(ConnectionClosed):
            await client.closed()
        if stranger is not None:
            stranger[1].close()
        return took, client


def test_sigterm_while_the_model_is_being_loaded_is_the_end(tiny_model: Path) -> None:
    command = [sys.executable, "-m", "emoscope.streamer.cli", "serve", "--port", "0", "--model", str(tiny_model)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        status = Path(f"/proc/{process.pid}/status")

        def catches_sigterm() -> bool:
            assert process.poll() is None
            return bool(int(status.read_text().partition("SigCgt:")[2].split()[0], 16) >> (signal.SIGTERM - 1) & 1)

        wait_until(catches_sigterm)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
    assert process.stderr is not None and process.stderr.read() == ""
