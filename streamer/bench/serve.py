"""The figures of `emoscope bench serve`, each measured in one run on this machine, printed as soon as it is known."""

import json
import os
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from ..engine.messages import ModelRequest
from .clients import STATUS_LATE_S, ClientLoad, ClientTotals
from .processes import MeasuredServer, ServerUsage, processor_s, run_clients, start_clients

WARM_UP_S = 3.0  # at most; readings of the first seconds are not counted
LATENCY_BLOCK_MS, STREAM_BLOCK_MS = 20.0, 100.0
IDLE_SHARE = 0.7  # of the time: the server is measured then, while all idle clients are still connected


def print_machine() -> None:
    """Cores and load, without which the figures mean nothing."""
    load_1 = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores; load before: {load_1:.1f}. Processor time is of all threads of a part.")


def print_engine(request: ModelRequest, batches: Sequence[int], seconds: float) -> None:
    """The rate of the model alone and through the engine's process, by batch size."""
    from ..engine import EngineProcess
    from ..engine.opening import open_engine
    from .engine import HEADING, engine_rates

    opened = open_engine(
        request.model, device=request.device, threads=request.threads, engine=request.engine, many_sessions=True
    )
    clock = "processor" if opened.device == "cpu" else "wall"
    print(f"\nFull windows a second of {clock} time: the model alone, and through the engine, both processes counted; "
          f"{opened.runtime} on {opened.device}.")  # fmt: skip
    print(HEADING)
    for batch in batches:
        with EngineProcess(replace(request, batch=batch)) as engine:
            engine.check()
            rates = engine_rates(opened, engine, batch, seconds, partial(processor_s, engine.pid))
        print(f"{rates.batch:>6} {rates.bare:>12.1f} {rates.engine:>12.1f} {rates.ratio:>6.2f}", flush=True)


def print_latency(server: MeasuredServer, audio: Path, seconds: float) -> None:
    """How long one stream waits for its readings."""
    totals = run_clients(_load(server, 1, seconds, LATENCY_BLOCK_MS, audio))
    print("\nOne stream, blocks of 20 ms: from a block's sending until the reading that it completes has arrived.")
    print(f"  {len(totals.lags_ms)} readings: {_percentiles(totals.lags_ms)}", flush=True)


def print_streams(server: MeasuredServer, audio: Path, streams: Sequence[int], seconds: float) -> None:
    """Lag and processor time, by the number of live streams."""
    print(
        "\nLive streams, blocks of 100 ms, clients in one process on the same machine. Lag as above; processor time in"
    )
    print("ms a second of audio of one stream; the rest is transport: sockets, messages, the event loop.")
    print(f"{'streams':>8} {'speech':>7} {'lag p50':>8} {'p95':>8} {'p99':>8} {'a batch':>8} server; clients")
    for count in streams:
        before = server.usage()
        totals = run_clients(_load(server, count, seconds, STREAM_BLOCK_MS, audio))
        usage = server.usage().since(before)
        print(stream_row(count, totals, usage), flush=True)
        print(stages_row(usage, totals), flush=True)


def print_idle(server: MeasuredServer, count: int, seconds: float) -> None:
    """Memory and processor time of idle connections, and the statuses that they missed."""
    before = server.usage()
    with start_clients(ClientLoad(server.url, count, seconds)) as clients:
        time.sleep(seconds * IDLE_SHARE)
        usage = server.usage().since(before)
        totals = ClientTotals(**json.loads(clients.communicate()[0]))
    missed = sum(gap > STATUS_LATE_S for gap in totals.gaps_s)
    print(
        f"\n{count} idle sockets: {usage.rss / count / 1e3:.1f} kB each in the server, "
        f"{sum(usage.parts.values()) / usage.wall:.2f} cores of it, "
        f"{totals.cpu_s / totals.wall_s:.2f} of the clients"
    )
    print(
        f"  {totals.statuses} statuses; {missed} clients missed one; longest gap {max(totals.gaps_s):.2f} s; "
        f"{totals.failures} failed",
        flush=True,
    )


def stream_row(streams: int, totals: ClientTotals, usage: ServerUsage) -> str:
    """One line of the streams' table."""
    audio_s = max(totals.audio_s, 1e-9)
    lags = np.percentile(totals.lags_ms, [50, 95, 99]) if totals.lags_ms else [float("nan")] * 3
    parts = ", ".join(f"{name} {1e3 * spent / audio_s:.2f}" for name, spent in sorted(usage.parts.items()))
    cores = sum(usage.parts.values()) / usage.wall
    counts = (("failed", totals.failures), ("warnings", totals.warnings))
    problems = "".join(f" {count} {what}" for what, count in counts if count)
    size = usage.windows / max(1, usage.batches)
    return (
        f"{streams:>8} {totals.speech_s / audio_s:>7.2f} {lags[0]:>5.0f} ms {lags[1]:>5.0f} ms {lags[2]:>5.0f} ms "
        f"{size:>8.1f} {parts} = {cores:.2f} cores; {totals.cpu_s / totals.wall_s:.2f} cores{problems}"
    )


def stages_row(usage: ServerUsage, totals: ClientTotals) -> str:
    """A second line: how long requests spent in each stage, which shows the bottleneck."""
    stages = ", ".join(f"{name} {p50:.0f}/{p95:.0f}" for name, (p50, p95) in usage.stages.items())
    return f"{'':>8} ms, p50/p95: {stages}; clients late by {totals.late_ms:.0f} at most"


def _load(server: MeasuredServer, streams: int, seconds: float, block_ms: float, audio: Path) -> ClientLoad:
    return ClientLoad(server.url, streams, seconds, block_ms, str(audio), min(WARM_UP_S, seconds / 4))


def _percentiles(values: list[float]) -> str:
    if not values:
        return "none"
    p50, p95, top = np.percentile(values, [50, 95, 100])
    return f"p50 {p50:.0f} ms, p95 {p95:.0f} ms, longest {top:.0f} ms"
