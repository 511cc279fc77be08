"""A server whose model lives in another process: what becomes of sessions when that process, or the server, goes."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from odd_worker import odd_engine
from raw_client import TALK, Raw, alone, eventually, lasting, raw

from emoscope.streamer.engine import EngineProcess
from emoscope.streamer.server import Server, ServerOptions
from emoscope.streamer.testing import CONTRACT, differences


def ready(server: Server) -> tuple[int, str]:
    """What /readyz answers."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/readyz", timeout=10) as answer:
            return answer.status, json.load(answer)["status"]
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)["status"]


@asynccontextmanager
async def serving_apart(how: str, marker: Path | None = None) -> AsyncIterator[tuple[Server, EngineProcess]]:
    with odd_engine(how, marker) as engine:
        engine.check()
        server = Server(CONTRACT, engine, ServerOptions(port=0, drain_s=2.0), engine_failure=lambda: engine.failure)
        await server.start()
        try:
            yield server, engine
        finally:
            await server.drain()


def test_sessions_do_not_notice_that_the_engine_was_killed_and_replaced() -> None:
    async def talk() -> tuple[list[Raw], list[tuple[int, str]]]:
        async with serving_apart("fine") as (server, engine), raw(server.url) as one, raw(server.url) as two:
            seen = [await asyncio.to_thread(ready, server)]
            for client in (one, two):
                await client.say("session.update", config={"pace": "fast"})
                await client.audio(TALK[:40_000])
                await client.until("emotion.interim")
            first = engine.pid
            os.kill(first, signal.SIGSTOP)  # so that requests are out when it dies
            await asyncio.gather(*(client.audio(TALK[40_000:]) for client in (one, two)))
            await eventually(engine._worker._turn.locked)
            os.kill(first, signal.SIGKILL)
            seen.append(await asyncio.to_thread(ready, server))
            await asyncio.gather(one.finished(), two.finished())
            seen.append(await asyncio.to_thread(ready, server))
            assert engine.pid != first
            return [one, two], seen

    clients, seen = asyncio.run(talk())
    for client in clients:
        assert differences(lasting(client.events), lasting(alone(TALK))) == []
    assert seen[0] == seen[2] == (200, "ready")
    assert seen[1] in ((503, "no model"), (200, "ready"))  # it may be back already


def test_a_server_without_its_model_says_so(tmp_path: Path) -> None:
    marker = tmp_path / "cannot load"

    async def talk() -> list[tuple[int, str]]:
        async with serving_apart("dies loading while marked", marker) as (server, engine):
            marker.touch()
            os.kill(engine.pid, signal.SIGKILL)
            await eventually(lambda: engine.failure)
            seen = [await asyncio.to_thread(ready, server)]
            marker.unlink()
            await eventually(lambda: not engine.failure)
            return [*seen, await asyncio.to_thread(ready, server)]

    assert asyncio.run(talk()) == [(503, "no model"), (200, "ready")]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["as systemd stops it", "Ctrl+C"])
def test_a_signal_to_all_processes_drains_the_sessions_and_leaves_none(number: int, tiny_model: Path) -> None:
    """The engine gets the signal too, and must not end before the finals are sent."""
    command = [sys.executable, "-m", "emoscope.streamer.cli", "serve", "--port", "0", "--model", str(tiny_model)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True)
    assert process.stderr is not None
    url = next(line["url"] for line in map(json.loads, process.stderr) if line["event"] == "listening")

    async def talk() -> Raw:
        async with raw(url, open_timeout=60) as client:
            await client.say("session.update", config={"vad": {"backend": "webrtc"}})  # a made voice
            await client.audio(TALK[:40_000])
            await client.until("speech.started")
            os.killpg(process.pid, number)
            await client.closed()
            return client

    client = asyncio.run(talk())
    assert process.wait(30) == 0
    assert client.of("emotion.final")[0].segments > 0  # type: ignore[union-attr]
    with pytest.raises(ProcessLookupError):  # nobody is left in its group
        os.killpg(process.pid, 0)
