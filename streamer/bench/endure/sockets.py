"""Sockets that are cut at any byte, and the Python client that resumes: nothing is lost, doubled or left behind.

Each stream goes through a proxy of its own, whose connections end one after the other: reset, closed in the middle of
the data, half closed, or open and silent; some are slow or late as well. The last connection is left alone.
"""

import random
import threading
import time
from dataclasses import dataclass, field

import numpy as np

from ...client import SyncClient
from ...protocol.errors import EmoscopeError
from ...protocol.events import AnyEvent, SessionResumed
from ...testing.tcp_proxy import Ending, Faults, proxied
from ..processes import MeasuredServer, ServerUsage
from .budget import Budget
from .healthy import CONFIG, Voice
from .report import Curve, Held, PartReport

VOICE_S = 8.0
STREAMS = 24  # at the same time
MOST_CUTS = 5  # of one stream; the client waits longer before each attempt
UP_BYTES, DOWN_BYTES = 100_000, 6_000  # within these a connection ends
GREETING_BYTES = 4_000  # of the first connection; a client that never had a session gives up, as it should
SILENT_SHARE = 0.03  # of the cuts: an open connection that transfers nothing is noticed after some 15 s
SAMPLE_S = 2.0
CLOSED_S = 30.0  # until every connection of the server is over
WARM_S, GROWTH_MB = 120.0, 5.0  # sessions whose client is gone are kept for a minute


@dataclass
class Tally:
    """What happened so far, in all threads."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    streams: int = 0
    cuts: int = 0
    resumes: int = 0
    wrong: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    usages: list[tuple[float, ServerUsage]] = field(default_factory=list)


def network(chance: random.Random) -> list[Faults]:
    """The connections of one stream that end, with where and how."""
    faults = []
    for number in range(chance.randrange(1, MOST_CUTS + 1)):
        least = 1 if number else GREETING_BYTES
        ending: Ending = chance.choice(("reset", "close", "half"))
        if chance.random() < SILENT_SHARE:
            ending = "black hole"
        up = chance.random() < 0.5
        faults.append(
            Faults(
                up_after=chance.randrange(least, UP_BYTES) if up else None,
                down_after=None if up else chance.randrange(least, DOWN_BYTES),
                ending=ending,
                delay_s=chance.choice((0.0, 0.0, 0.0, 0.01)),
                jitter_s=chance.choice((0.0, 0.0, 0.0, 0.02)),
                rate=chance.choice((None, None, None, None, 20_000.0)),
            )
        )
    return faults


def run(budget: Budget) -> PartReport:
    """Cut sockets until the time, or their number, is over."""
    report, tally = PartReport("sockets"), Tally()
    voice = Voice(budget.audio, budget.model, VOICE_S)
    with MeasuredServer.running(budget.model) as server:
        before = server.usage()
        threads = [
            threading.Thread(target=_streams, args=(budget, server.url, voice, number, tally, report), daemon=True)
            for number in range(STREAMS)
        ]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            tally.usages.append((budget.spent_s, server.usage()))
            time.sleep(SAMPLE_S)
        after = _settled(server, before)
    report.counts = {"cuts": tally.cuts, "streams": tally.streams, "resumes": tally.resumes, **tally.kinds}
    report.held = [
        Held("streams that lost, doubled or changed a durable event", tally.wrong, 0),
        Held("connections of the server left open", after.sessions - before.sessions, 0),
        Held("file descriptors of the server left open", after.files - before.files, 0),
    ]
    memory = [(at, usage.rss / 1e6) for at, usage in tally.usages]
    warm = [mb for at, mb in memory if at >= WARM_S]
    if len(warm) > 1 and memory[-1][0] >= 2 * WARM_S:
        third = len(warm) // 3 or 1
        grown = sum(warm[-third:]) / third - sum(warm[:third]) / third
        report.held.append(Held("growth of the server's memory", grown, GROWTH_MB, "MB"))
    else:
        report.problem("the run is too short to judge memory; give more --minutes")
    minutes = [at / 60 for at, _ in memory]
    report.curves = [
        Curve("memory", "the server", minutes, [mb for _, mb in memory], "minutes", "MB"),
        Curve("open", "file descriptors", minutes, [usage.files for _, usage in tally.usages], "minutes", ""),
        Curve("open", "connections", minutes, [usage.sessions for _, usage in tally.usages], "minutes", ""),
    ]
    return report


def _settled(server: MeasuredServer, before: ServerUsage) -> ServerUsage:
    """The server's usage once as little is open as in the beginning, or after `CLOSED_S`."""
    until = time.monotonic() + CLOSED_S
    while (usage := server.usage()).files > before.files or usage.sessions > before.sessions:
        if time.monotonic() > until:
            break
        time.sleep(0.2)
    return usage


def _streams(budget: Budget, url: str, voice: Voice, number: int, tally: Tally, report: PartReport) -> None:
    """One stream after another, in a thread."""
    port = int(url.rpartition(":")[2].partition("/")[0])
    place = 0
    while place == 0 or not budget.over(tally.cuts):
        faults = network(budget.chance("sockets", number, place))
        events, failure, connections = _stream(port, voice, faults)
        wrong = [failure] if failure else voice.wrong(events)
        with tally.lock:
            tally.streams += 1
            reached = faults[: max(0, connections - 1)]
            tally.cuts += len(reached)
            for fault in reached:
                for kind in _kinds(fault):
                    tally.kinds[kind] = tally.kinds.get(kind, 0) + 1
            tally.resumes += sum(isinstance(event, SessionResumed) for event in events)
            if wrong:
                tally.wrong += 1
                report.problem(f"thread {number}, stream {place}: {'; '.join(wrong[:3])}")
        place += 1


def _kinds(fault: Faults) -> list[str]:
    late = fault.delay_s or fault.jitter_s
    return [f"by {fault.ending}", *(["of late ones"] if late else []), *(["of slow readers"] if fault.rate else [])]


def _stream(port: int, voice: Voice, faults: list[Faults]) -> tuple[list[AnyEvent], str, int]:
    """The events of one stream, why it failed, and how many connections it took."""
    with proxied(port, faults) as proxy:
        try:
            with SyncClient(proxy.url, CONFIG) as client:
                return list(client.stream(np.array_split(voice.samples, 40))), "", proxy.connections
        except EmoscopeError as error:
            return [], f"the stream failed: {error}", proxy.connections
