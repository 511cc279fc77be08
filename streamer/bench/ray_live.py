"""What live streams cost behind Ray Serve, beside one server of this machine, in one run.

Both are started as users start them, with the same model, store and clients. Processor time is that of whole process
trees, so what Ray itself needs is counted.
"""

import contextlib
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import process_facts
from .clients import ClientLoad, ClientTotals
from .deployment import Redis, ServeProcess
from .processes import processor_s, run_clients

START_S, STOP_S = 180.0, 60.0  # of Ray's processes
REST_S = 5.0  # so long the processes are measured without streams
WARM_UP_S = 3.0
LATENCY_BLOCK_MS, STREAM_BLOCK_MS = 20.0, 100.0
KINDS = {
    "ServeReplica:emoscope:gateways": "gateways",
    "ServeReplica:emoscope:scorers": "scorers",
    "ProxyActor": "proxies",
    "engine.service": "model",
    "streamer.cli serve": "server",
}
"""Parts of command lines, and what the process is called in the table; any other is Ray's own."""


@dataclass(frozen=True)
class Measured:
    """One way of serving.

    rest   cores that are used without any stream, by kind of process
    parts  processor time in ms for a second of a stream's audio, by kind of process, without what is used at rest
    one    what a single stream received, and many what many received together
    """

    rest: dict[str, float]
    parts: dict[str, float]
    one: ClientTotals
    many: ClientTotals


def print_hop(model: str, audio: Path, streams: int, seconds: float, store: str | None = None) -> None:
    """Measure one server, then gateways and scorers, and print both. UsageError where there is no Redis.

    store  where both keep their sessions; None starts a Redis of its own
    """
    print(
        f"\n{streams} live streams, blocks of {STREAM_BLOCK_MS:.0f} ms, {seconds:g} s; clients on the same machine. "
        "Lag: from a block's\nsending until the reading that it completes has arrived. Processor time in ms a second "
        "of audio of one stream."
    )
    print(f"{'':>12} {'lag p50':>8} {'p95':>8} {'one stream':>11} processor time")
    with _store(store) as url:
        measured = {}
        for name, options in (("one server", ()), ("on Ray", ("--ray", "local"))):
            served = ServeProcess(model, url, options=options, words=False, start_s=START_S, stop_s=STOP_S)
            try:
                measured[name] = _measure(served.pid, served.url, audio, streams, seconds)
            finally:
                served.close()
            print(_row(name, measured[name]), flush=True)
    server, ray = measured["one server"], measured["on Ray"]
    more = sum(ray.parts.values()) - sum(server.parts.values())
    later = _lag(ray.one, 50) - _lag(server.one, 50)
    print(f"The hop: {more:.1f} ms of processor time a second of a stream, {later:.0f} ms of lag for a single stream.")


def _measure(pid: int, url: str, audio: Path, streams: int, seconds: float) -> Measured:
    before = _processor_times(pid)
    time.sleep(REST_S)
    rest = {kind: spent / REST_S for kind, spent in (_processor_times(pid) - before).items()}
    one = run_clients(ClientLoad(url, 1, seconds, LATENCY_BLOCK_MS, str(audio), min(WARM_UP_S, seconds / 4)))
    before, began = _processor_times(pid), time.monotonic()
    many = run_clients(ClientLoad(url, streams, seconds, STREAM_BLOCK_MS, str(audio), min(WARM_UP_S, seconds / 4)))
    wall_s = time.monotonic() - began
    spent = _processor_times(pid) - before
    audio_s = max(many.audio_s, 1e-9)
    parts = {kind: 1e3 * max(0.0, used - wall_s * rest.get(kind, 0.0)) / audio_s for kind, used in spent.items()}
    return Measured(rest, parts, one, many)


def _row(name: str, measured: Measured) -> str:
    many = measured.many
    parts = ", ".join(f"{kind} {spent:.1f}" for kind, spent in sorted(measured.parts.items()) if spent >= 0.05)
    problems = f"; {many.failures} failed" if many.failures else ""
    return (
        f"{name:>12} {_lag(many, 50):>5.0f} ms {_lag(many, 95):>5.0f} ms {_lag(measured.one, 50):>8.0f} ms {parts} "
        f"= {sum(measured.parts.values()):.1f}; at rest {sum(measured.rest.values()):.2f} cores{problems}"
    )


def _lag(totals: ClientTotals, percent: float) -> float:
    return float(np.percentile(totals.lags_ms, percent)) if totals.lags_ms else float("nan")


# --- processes


@contextmanager
def _store(url: str | None) -> Iterator[str]:
    """That Redis, or one that ends with the block."""
    if url is not None:
        yield url
        return
    with tempfile.TemporaryDirectory() as folder:
        redis = Redis(Path(folder))
        try:
            yield redis.url
        finally:
            redis.close()


def _processor_times(root: int) -> "Counter[str]":
    """Processor seconds so far of a process and all that descend from it, by kind."""
    spent: Counter[str] = Counter()
    for pid in (root, *process_facts.descendants(root)):
        with contextlib.suppress(OSError):  # it has ended
            spent[_kind(pid)] += processor_s(pid)  # type: ignore[assignment]
    return spent


def _kind(pid: int) -> str:
    command = " ".join(process_facts.arguments(pid))
    return next((name for part, name in KINDS.items() if part in command), "Ray")
