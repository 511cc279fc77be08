"""`emoscope bench serve`: the parts that measure, each run small. Figures are read by people, not asserted."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from emoscope.streamer.bench.clients import ClientLoad, run
from emoscope.streamer.bench.engine import engine_rates
from emoscope.streamer.cli.main import main
from emoscope.streamer.engine.opening import open_engine
from emoscope.streamer.server import serving
from emoscope.streamer.testing import CONTRACT, FakeEngine


def test_clients_are_paced_and_hear_everything(conversation: Path) -> None:
    async def load() -> tuple[Any, ...]:
        async with serving((CONTRACT, FakeEngine())) as server:
            heard = await run(ClientLoad(server.url, 3, 5.0, 100.0, str(conversation), warm_s=0.5))
            return heard.audio_s, heard.failures, heard.lags_ms, heard.finals, heard.wall_s, len(heard.gaps_s)

    audio_s, failures, lags_ms, finals, wall_s, clients = asyncio.run(load())
    assert (audio_s, failures, clients) == (15.0, 0, 3)
    assert lags_ms and min(lags_ms) >= 0 and finals and wall_s >= 5.0


def test_idle_sockets_get_their_statuses() -> None:
    async def load() -> tuple[int, int]:
        async with serving((CONTRACT, FakeEngine())) as server:
            heard = await run(ClientLoad(server.url, 20, 2.5))
            return heard.statuses, heard.failures

    statuses, failures = asyncio.run(load())
    assert statuses >= 40 and failures == 0


def test_the_engine_is_measured_against_the_bare_model(tiny_model: Path) -> None:
    opened = open_engine(tiny_model, threads=1, batch=4)
    rates = engine_rates(opened.model, opened.engine, 4, 0.5)
    assert rates.bare > 0 and rates.engine > 0 and rates.ratio == rates.engine / rates.bare


def test_the_command_measures_a_server_in_a_process_of_its_own(
    tiny_model: Path, conversation: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--model", str(tiny_model), "--audio", str(conversation), "--seconds", "5", "--streams", "2"]
    assert (
        main(["bench", "serve", "--only", "latency", "--only", "streams", "--only", "idle", "--idle", "5", *arguments])
        == 0
    )
    printed = capsys.readouterr().out
    assert "readings: p50" in printed and "transport" in printed and "5 idle sockets" in printed


def test_a_recording_that_is_not_there_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "serve", "--audio", "nothing.flac"]) == 2
    assert "nothing.flac" in capsys.readouterr().err
