"""`emoscope bench serve`: how many live streams, how late, at what cost, each measured in one run on this machine."""

import argparse
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..protocol.errors import UsageError

if TYPE_CHECKING:
    from .load import Heard
    from .processes import Measured, Used

IDLE_SETTLE_S = 3.0


def register(parser: argparse.ArgumentParser) -> None:
    """What to measure, and how long."""
    parser.add_argument("--model", default="small", help="a shipped model's name, or a folder (small)")
    parser.add_argument("--audio", type=Path, default=Path("demo/recordings/conversation.flac"), help="what is played")
    parser.add_argument(
        "--streams", type=int, nargs="+", default=[30, 60, 120], help="live streams at once (30 60 120)"
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="of each measurement (20)")
    parser.add_argument("--idle", type=int, default=2_000, help="idle sockets (2000)")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 16], help="batch sizes of the engine (1 16)")
    parser.add_argument(
        "--only", choices=["engine", "latency", "streams", "idle"], action="append", help="this part alone"
    )


def run(args: argparse.Namespace) -> int:
    """Prints each figure as soon as it is known."""
    parts = args.only or ["engine", "latency", "streams", "idle"]
    if not args.audio.is_file() and {"latency", "streams"} & set(parts):
        raise UsageError(f"--audio {args.audio}: no such file; any recording of speech will do")
    load_1 = os.getloadavg()[0]
    print(f"{os.cpu_count()} cores; load before: {load_1:.1f}. Processor time is of all threads of a part.")
    if "engine" in parts:
        _engine(args)
    if {"latency", "streams", "idle"} & set(parts):
        from .processes import Measured

        with Measured.running(args.model) as server:
            if "latency" in parts:
                _latency(args, server)
            if "streams" in parts:
                _streams(args, server)
        if "idle" in parts:
            with Measured.running(args.model) as server:  # a fresh one: what streams leave behind is not of idle ones
                _idle(args, server)
    return 0


def _engine(args: argparse.Namespace) -> None:
    from ..engine import EngineProcess, Wanted
    from ..engine.opening import open_engine
    from .engine_figures import ENGINE, engine_cost
    from .processes import processor_s

    opened = open_engine(args.model, many_sessions=True)
    clock = "processor" if opened.device == "cpu" else "wall"
    print(f"\nFull windows a second of {clock} time: the model alone, and through the engine, both processes counted.")
    print(ENGINE)
    for batch in args.batches:
        with EngineProcess(Wanted(model=args.model, batch=batch)) as engine:
            engine.check()
            cost = engine_cost(opened.model, engine, batch, args.seconds, partial(processor_s, engine.pid))
        print(f"{cost.batch:>6} {cost.bare:>12.1f} {cost.engine:>12.1f} {cost.ratio:>6.2f}", flush=True)


def _latency(args: argparse.Namespace, server: "Measured") -> None:
    from .load import Load
    from .processes import load_of

    heard = load_of(Load(server.url, 1, args.seconds, 20.0, str(args.audio), min(3.0, args.seconds / 4)))
    print("\nOne stream, blocks of 20 ms: from a block's sending until the reading that it completes has arrived.")
    print(f"  {len(heard.lags_ms)} readings: {_percentiles(heard.lags_ms)}", flush=True)


def _streams(args: argparse.Namespace, server: "Measured") -> None:
    from .load import Load
    from .processes import load_of

    print(
        "\nLive streams, blocks of 100 ms, clients in one process on the same machine. Lag as above; processor time in"
    )
    print("ms a second of audio of one stream; the rest is transport: sockets, messages, the event loop.")
    print(f"{'streams':>8} {'speech':>7} {'lag p50':>8} {'p95':>8} {'p99':>8} {'a batch':>8} server; clients")
    for streams in args.streams:
        before = server.used()
        heard = load_of(Load(server.url, streams, args.seconds, 100.0, str(args.audio), min(3.0, args.seconds / 4)))
        used = server.used().since(before)
        print(stream_row(streams, heard, used), flush=True)
        print(waits_row(used, heard), flush=True)


def stream_row(streams: int, heard: "Heard", used: "Used") -> str:
    """One line of the streams' table."""
    import numpy as np

    audio = max(heard.audio_s, 1e-9)
    lags = np.percentile(heard.lags_ms, [50, 95, 99]) if heard.lags_ms else [float("nan")] * 3
    parts = ", ".join(f"{name} {1e3 * spent / audio:.2f}" for name, spent in sorted(used.parts.items()))
    cores = sum(used.parts.values()) / used.wall
    trouble = "".join(
        f" {count} {what}" for what, count in (("failed", heard.failures), ("warnings", heard.warnings)) if count
    )
    size = used.windows / max(1, used.batches)
    return (
        f"{streams:>8} {heard.speech_s / audio:>7.2f} {lags[0]:>5.0f} ms {lags[1]:>5.0f} ms {lags[2]:>5.0f} ms "
        f"{size:>8.1f} {parts} = {cores:.2f} cores; {heard.cpu_s / heard.wall_s:.2f} cores{trouble}"
    )


def waits_row(used: "Used", heard: "Heard") -> str:
    """Where the time goes, so that the next step is known."""
    stages = ", ".join(f"{name} {p50:.0f}/{p95:.0f}" for name, (p50, p95) in used.waits.items())
    return f"{'':>8} ms, p50/p95: {stages}; clients late by {heard.late_ms:.0f} at most"


def _idle(args: argparse.Namespace, server: "Measured") -> None:
    import json
    import time

    from .load import STATUS_LATE_S, Load
    from .processes import load_beside

    before = server.used()
    with load_beside(Load(server.url, args.idle, args.seconds)) as clients:
        time.sleep(args.seconds * 0.7)
        during = server.used().since(before)
        out = clients.communicate()[0]
    heard = json.loads(out)
    missed = sum(gap > STATUS_LATE_S for gap in heard["gaps_s"])
    print(
        f"\n{args.idle} idle sockets: {during.rss / args.idle / 1e3:.1f} kB each in the server, "
        f"{sum(during.parts.values()) / during.wall:.2f} cores of it, "
        f"{heard['cpu_s'] / heard['wall_s']:.2f} of the clients"
    )
    print(
        f"  {heard['statuses']} statuses; {missed} clients missed one; longest gap {max(heard['gaps_s']):.2f} s; "
        f"{heard['failures']} failed",
        flush=True,
    )


def _percentiles(values: list[float]) -> str:
    import numpy as np

    if not values:
        return "none"
    p50, p95, top = np.percentile(values, [50, 95, 100])
    return f"p50 {p50:.0f} ms, p95 {p95:.0f} ms, longest {top:.0f} ms"
