"""Messages of every kind to the server, beside eight healthy streams.

Clients open a connection, send up to some hundred messages (valid ones, mutated ones, random ones, at the wrong time,
in bursts), and compare each answer with what the protocol says. Eight streams go on beside them as if nothing were.
"""

import asyncio
from dataclasses import dataclass, field

from ..processes import MeasuredServer, ServerUsage
from .budget import Budget
from .conversation import talk
from .healthy import Voice, stream
from .report import Curve, Held, PartReport

STREAMS, SPEED, VOICE_S = 8, 2.0, 20.0
TALKERS = 12  # connections at the same time
SAMPLE_S = 2.0  # between two looks at the server
WARM_S = 120.0  # sessions whose client is gone are kept for a minute
GROWTH_MB = 5.0


@dataclass
class Tally:
    """What happened so far."""

    connections: int = 0
    messages: int = 0
    wrong: int = 0
    streams: int = 0
    differing: int = 0
    usages: list[tuple[float, ServerUsage]] = field(default_factory=list)


def run(budget: Budget) -> PartReport:
    """Send messages until the time, or their number, is over."""
    report, tally = PartReport("messages"), Tally()
    voice = Voice(budget.audio, budget.model, VOICE_S)
    with MeasuredServer.running(budget.model) as server:
        asyncio.run(_run(budget, server, voice, tally, report))
    report.counts = {"messages": tally.messages, "connections": tally.connections, "healthy streams": tally.streams}
    report.held = [
        Held("messages that were not answered as the protocol says", tally.wrong, 0),
        Held("healthy streams whose events differ from a replay's", tally.differing, 0),
    ]
    memory = [(at, usage.rss / 1e6) for at, usage in tally.usages]
    warm = [mb for at, mb in memory if at >= WARM_S]
    if len(warm) > 1 and memory[-1][0] >= 2 * WARM_S:
        early, late = warm[: len(warm) // 3 or 1], warm[-(len(warm) // 3 or 1) :]
        grown = sum(late) / len(late) - sum(early) / len(early)
        report.held.append(Held("growth of the server's memory", grown, GROWTH_MB, "MB"))
    else:
        report.problem("the run is too short to judge memory; give more --minutes")
    report.curves = [
        Curve("memory", "the server", [at / 60 for at, _ in memory], [mb for _, mb in memory], "minutes", "MB"),
        Curve("late event loop", "p99", [at / 60 for at, _ in tally.usages],
              [usage.loop_p99_ms for _, usage in tally.usages], "minutes", "ms"),
    ]  # fmt: skip
    return report


async def _run(budget: Budget, server: MeasuredServer, voice: Voice, tally: Tally, report: PartReport) -> None:
    watching = asyncio.ensure_future(_watch(budget, server, tally))
    talkers = [_talk(budget, server.url, voice.pcm, number, tally, report) for number in range(TALKERS)]
    streams = [_stream(budget, server.url, voice, tally, report) for _ in range(STREAMS)]
    try:
        await asyncio.gather(*talkers, *streams)
    finally:
        watching.cancel()


async def _talk(budget: Budget, url: str, sound: bytes, number: int, tally: Tally, report: PartReport) -> None:
    place = 0
    while not budget.over(tally.messages):
        done = await talk(url, budget.chance("messages", number, place), sound)
        tally.connections += 1
        tally.messages += done.messages
        if done.wrong:
            tally.wrong += 1
            report.problem(f"talker {number}, connection {place}: {done.wrong}")
        place += 1


async def _stream(budget: Budget, url: str, voice: Voice, tally: Tally, report: PartReport) -> None:
    while tally.streams < STREAMS or not budget.over(tally.messages):
        tally.streams += 1
        wrong = await stream(url, voice, SPEED)
        if wrong:
            tally.differing += 1
            report.problem(f"a healthy stream: {'; '.join(wrong[:3])}")


async def _watch(budget: Budget, server: MeasuredServer, tally: Tally) -> None:
    while True:
        tally.usages.append((budget.spent_s, await asyncio.to_thread(server.usage)))
        await asyncio.sleep(SAMPLE_S)
