"""`emoscope bench serve`: the parts that measure, each run small. Figures are read by people, not asserted."""

import asyncio
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from emoscope.streamer.bench import clients
from emoscope.streamer.bench.clients import ClientLoad, ClientTotals, run
from emoscope.streamer.bench.engine import engine_rates
from emoscope.streamer.cli.main import main
from emoscope.streamer.engine.opening import open_engine
from emoscope.streamer.server import serving
from emoscope.streamer.testing import CONTRACT, FakeClock, FakeEngine, run_in_virtual_time


def test_clients_are_paced_and_receive_everything(conversation: Path) -> None:
    async def load() -> tuple[Any, ...]:
        async with serving((CONTRACT, FakeEngine())) as server:
            measured = await run(ClientLoad(server.url, 3, 5.0, 100.0, str(conversation), warm_s=0.5))
            return (
                measured.audio_s,
                measured.failures,
                measured.lags_ms,
                measured.finals,
                measured.wall_s,
                len(measured.gaps_s),
            )

    audio_s, failures, lags_ms, finals, wall_s, clients = asyncio.run(load())
    assert (audio_s, failures, clients) == (15.0, 0, 3)
    assert lags_ms and min(lags_ms) >= 0 and finals and wall_s >= 5.0


def test_idle_sockets_get_their_statuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each client receives a status in every second until all of them stop together."""
    clock = FakeClock()
    monkeypatch.setattr(clients, "time", SimpleNamespace(monotonic=clock.now, process_time=time.process_time))

    async def load() -> ClientTotals:
        async with serving((CONTRACT, FakeEngine())) as server:
            return await run(ClientLoad(server.url, 20, 2.5))

    measured = run_in_virtual_time(load(), clock)
    # Each client is connected for 2.5 s at least: one status answers its keepalive, and one is sent in each second.
    assert measured.statuses >= 20 * 3 and measured.failures == 0
    assert len(measured.gaps_s) == 20 and 0 < min(measured.gaps_s) <= max(measured.gaps_s) < clients.STATUS_LATE_S
    assert measured.wall_s == pytest.approx(2.5 + clients.SPREAD_S)


def test_the_engine_is_measured_against_the_bare_model(tiny_model: Path) -> None:
    opened = open_engine(tiny_model, threads=1, batch=4)
    rates = engine_rates(opened, opened.engine, 4, 0.5)
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
