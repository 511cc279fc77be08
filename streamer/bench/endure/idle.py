"""Thousands of idle sockets and a crowd of live ones: each gets its status every second, and the loop stays quick."""

import json
import subprocess
import time

from ...protocol.errors import EmoscopeError
from ..clients import STATUS_LATE_S, ClientLoad, ClientTotals
from ..processes import MeasuredServer, ServerUsage, start_clients
from .budget import Budget
from .report import Curve, Held, PartReport

IDLE, LIVE = 2_000, 60
LATE_MS = 50.0
CONNECTED_S = 20.0  # within this time all sockets are opened, or within a third of a shorter run
OPEN_S = 2.0  # after that they are open, and the loop's delay counts
LEAVING_S = 2.0  # before the first socket closes
SAMPLE_S = 5.0
MINUTE_S = 60.0


def run(budget: Budget) -> PartReport:
    """Keep the sockets open until the time is over."""
    report = PartReport("idle")
    seconds = budget.left_s if budget.count is None else min(budget.left_s, budget.count * MINUTE_S)
    connected_s = min(CONNECTED_S, seconds / 3)
    usages: list[tuple[float, ServerUsage]] = []
    with MeasuredServer.running(budget.model) as server:
        left_s = seconds - connected_s
        idle = ClientLoad(server.url, IDLE, left_s, spread_s=connected_s)
        live = ClientLoad(server.url, LIVE, left_s, audio=str(budget.audio), spread_s=connected_s)
        began = time.monotonic()
        with start_clients(idle) as waiting, start_clients(live) as speaking:
            time.sleep(connected_s + min(OPEN_S, left_s / 4))
            server.usage()
            until = began + seconds - connected_s - min(LEAVING_S, left_s / 4)
            while not usages or until > time.monotonic():
                time.sleep(min(SAMPLE_S, max(0.1, until - time.monotonic())))
                usages.append((time.monotonic() - began, server.usage()))
            totals = [_totals(waiting), _totals(speaking)]
    return _judged(report, usages, totals)


def _totals(process: "subprocess.Popen[str]") -> ClientTotals:
    out, _ = process.communicate()
    if process.returncode:
        raise EmoscopeError("the clients ended early; their message is above")
    return ClientTotals(**json.loads(out))


def _judged(report: PartReport, usages: list[tuple[float, ServerUsage]], totals: list[ClientTotals]) -> PartReport:
    gaps = [gap for one in totals for gap in one.gaps_s]
    late = [usage.loop_p99_ms for _, usage in usages]
    minutes = [at / 60 for at, _ in usages]
    report.counts = {
        "idle sockets": len(totals[0].gaps_s),
        "live sockets": len(totals[1].gaps_s),
        "statuses": sum(one.statuses for one in totals),
        "readings": totals[1].readings,
        "s the longest wait for a status": round(max(gaps, default=0.0), 2),
    }
    report.held = [
        Held(f"sockets that missed a status (more than {STATUS_LATE_S:g} s without)",
             sum(gap > STATUS_LATE_S for gap in gaps), 0),
        Held("sockets that failed", sum(one.failures for one in totals), 0),
        Held("p99 of the event loop's delay, in the worst 5 s", max(late), LATE_MS, "ms"),
        Held("p99 of the event loop's delay, median of all 5 s", sorted(late)[len(late) // 2], LATE_MS, "ms"),
    ]  # fmt: skip
    memory = [usage.rss / 1e6 for _, usage in usages]
    report.curves = [
        Curve("late event loop", "p99", minutes, late, "minutes", "ms"),
        Curve("memory", "the server", minutes, memory, "minutes", "MB"),
    ]
    return report
