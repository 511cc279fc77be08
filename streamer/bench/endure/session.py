"""Hours of audio through one session, in a process of its own and through a server: memory, time and times stay.

Both are fed the same programme, again and again. The times of a cycle's finals must be those of a session that hears
one cycle alone, later by exactly the cycles before.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from ...client import Client
from ...protocol.config import Config
from ...protocol.errors import EmoscopeError
from ...protocol.events import EmotionFinal, SessionClosed
from ..process_facts import resident_bytes
from ..processes import MeasuredServer
from .budget import Budget
from .programme import CYCLE_S, Programme
from .report import Curve, Held, PartReport

GROWTH_MB, DRIFT_PERCENT = 2.0, 10.0
WAITING_MB = 6.0  # what a stream with pace `fast` may have waiting: 60 s, in float32 and in 16 bits
FRAME_MS = 20.0
WARM_S = 3_600.0  # of audio, or half of a shorter run: memory grows until every path was taken
JUDGED = 12  # cycles after that, at least, or nothing is said of memory and time
READ_S, POLL_S = 5.0, 0.02  # a cycle is read when all but its newest audio is, which an open utterance may hold
LOCAL_SHARE = 0.5  # of the time; the rest is the server's
CYCLES_A_HOUR = 3_600 / CYCLE_S


@dataclass
class Cycles:
    """What was measured after each cycle.

    memory_mb   of the process: of the server and of the model's process, for each name
    step_ms     time of a step, for each kind; of the server, processor time of a second of audio
    spans       start and end of each final, in seconds
    audio_s     that the session counted at its end
    """

    memory_mb: dict[str, list[float]] = field(default_factory=dict)
    step_ms: dict[str, list[float]] = field(default_factory=dict)
    spans: list[tuple[float, float]] = field(default_factory=list)
    audio_s: float = 0.0
    count: int = 0

    def note(self, memory: dict[str, float], steps: dict[str, float]) -> None:
        """One more cycle."""
        self.count += 1
        for name, value in memory.items():
            self.memory_mb.setdefault(name, []).append(value)
        for name, value in steps.items():
            self.step_ms.setdefault(name, []).append(value)


def run(budget: Budget) -> PartReport:
    """The session alone first, then the server."""
    report = PartReport("session")
    expected = _heard_once(budget)
    most = None if budget.count is None else round(budget.count * CYCLES_A_HOUR)
    local = _local(budget, budget.left_s * LOCAL_SHARE, most)
    served = asyncio.run(_served(budget, most))
    for where, cycles in (("session alone", local), ("server", served)):
        report.count(f"hours through the {where}", cycles.count / CYCLES_A_HOUR)
        _judge(report, where, cycles, expected)
    return report


def _judge(report: PartReport, where: str, cycles: Cycles, expected: Sequence[tuple[float, float]]) -> None:
    hours = [(place + 1) / CYCLES_A_HOUR for place in range(cycles.count)]
    warm = min(round(WARM_S / CYCLE_S), cycles.count // 2)
    judged = cycles.count - warm >= JUDGED
    if not judged:
        report.problem(f"{where}: {cycles.count} cycles are too few to judge memory and time; give more --minutes")
    for name, memory in cycles.memory_mb.items():
        quarter = max(1, (cycles.count - warm) // 4)
        grown = median(memory[-quarter:]) - median(memory[warm : warm + quarter])
        if judged:
            highest = max(memory[warm:]) - memory[warm]
            report.held += [
                Held(f"{where}: growth of {name}, after {hours[warm]:.2g} h", grown, GROWTH_MB, "MB"),
                Held(f"{where}: the highest that {name} rose meanwhile", highest, GROWTH_MB + WAITING_MB, "MB"),
            ]
        report.curves.append(Curve("memory", f"{where}: {name}", hours, memory, "hours of audio", "MB"))
    for name, steps in cycles.step_ms.items():
        half = (cycles.count - warm) // 2
        if judged:
            drift = 100 * abs(_undisturbed(steps[-half:]) / _undisturbed(steps[warm : warm + half]) - 1)
            report.held.append(Held(f"{where}: drift of {name}", drift, DRIFT_PERCENT, "%"))
        report.curves.append(Curve("processor time", f"{where}: {name}", hours, steps, "hours of audio", "ms"))
    offset = (cycles.count - 1) * CYCLE_S
    last = [(start - offset, end - offset) for start, end in cycles.spans if start >= offset]
    report.held.append(Held(f"{where}: times of the last cycle", _apart_ms(last, expected), FRAME_MS, "ms"))
    lost_ms = 1e3 * abs(cycles.audio_s - cycles.count * CYCLE_S)
    report.held.append(Held(f"{where}: audio that the session did not count", lost_ms, 0, "ms"))


def _undisturbed(steps: Sequence[float]) -> float:
    """The median of the quickest quarter: other work on the machine makes a step slower, and never quicker."""
    return median(sorted(steps)[: max(1, len(steps) // 4)])


def _apart_ms(spans: Sequence[tuple[float, float]], expected: Sequence[tuple[float, float]]) -> float:
    """The largest distance between two times; infinite where there are more or fewer of them."""
    if len(spans) != len(expected) or not expected:
        return float("inf")
    pairs = zip(spans, expected, strict=True)
    return round(1e3 * max(max(abs(a[0] - b[0]), abs(a[1] - b[1])) for a, b in pairs), 6)


def _heard_once(budget: Budget) -> list[tuple[float, float]]:
    return _child(budget, 600.0, 1).spans


def _local(budget: Budget, seconds: float, most: int | None) -> Cycles:
    return _child(budget, seconds, most)


def _child(budget: Budget, seconds: float, most: int | None) -> Cycles:
    request = {"model": budget.model.model, "audio": str(budget.audio), "seconds": seconds, "most": most}
    done = subprocess.run(  # noqa: S603 - this interpreter, this package
        [sys.executable, "-m", "emoscope.streamer.bench.endure.session_process", json.dumps(request)],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise EmoscopeError("the process of the session ended early; its message is above")
    answer: dict[str, Any] = json.loads(done.stdout)
    return Cycles(**{**answer, "spans": [tuple(span) for span in answer["spans"]]})


async def _served(budget: Budget, most: int | None) -> Cycles:
    """A client that sends the programme as fast as the server takes it."""
    programme, cycles = Programme(budget.audio), Cycles()
    with MeasuredServer.running(budget.model) as server:
        async with Client(server.url, Config(pace="fast", transcript=False)) as client:

            async def listen() -> None:
                async for event in client:
                    if isinstance(event, EmotionFinal):
                        cycles.spans.append((event.start, event.end))
                    elif isinstance(event, SessionClosed):
                        cycles.audio_s = event.totals.audio_s

            listening = asyncio.ensure_future(listen())
            before = await asyncio.to_thread(server.usage)
            while cycles.count == 0 or not (budget.left_s <= 0 or (most is not None and cycles.count >= most)):
                for _, block in programme.cycle():
                    await client.send(block)
                while client.processed_s < (cycles.count + 1) * CYCLE_S - READ_S and not listening.done():
                    await asyncio.sleep(POLL_S)  # so that no audio waits when memory is read
                usage = await asyncio.to_thread(server.usage)
                spent = usage.since(before)
                cycles.note(
                    {"the server": usage.rss / 1e6, "the model's process": resident_bytes(usage.engine_pid) / 1e6},
                    {"a second of audio": 1e3 * sum(spent.parts.values()) / CYCLE_S},
                )
                before = usage
            await client.finish()
            await listening
    return cycles
