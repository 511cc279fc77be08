"""Where a reading's time goes: in line, in the engine, on the way back, and how late the event loop is meanwhile."""

import asyncio
import time
from collections.abc import Sequence

import numpy as np

from ..runtime.scheduler import BatchResults
from ..server.hub import Hub
from ..session.requests import Encode, Engine, Request, Result

PROBE_S = 0.01


class Waits:
    """Times of each stage since they were last asked for, in seconds."""

    def __init__(self) -> None:
        self._seen: dict[str, list[float]] = {}
        self._left = 0.0

    def note(self, stage: str, seconds: float) -> None:
        """One more."""
        self._seen.setdefault(stage, []).append(seconds)

    def engine(self, engine: Engine) -> Engine:
        """The same engine, timed; the time that its requests waited in line is noted by `watch`."""

        def run(requests: Sequence[Request]) -> list[Result]:
            began = time.perf_counter()
            results = engine(requests)
            windows = any(isinstance(request, Encode) for request in requests)
            self.note("batch" if windows else "readings", time.perf_counter() - began)
            return results

        return run

    def watch(self, hub: Hub) -> "asyncio.Task[None]":
        """Follow answers from the scheduler's thread to their sessions, and the loop's lateness."""
        deliver, apply = hub.scheduler._deliver, hub._apply

        def hand_on(answers: BatchResults) -> None:
            self._left = time.perf_counter()
            deliver(answers)

        def take(answers: BatchResults) -> None:
            began = time.perf_counter()
            self.note("way back", began - self._left)
            for _, results, _ in answers:
                for result in results:
                    self.note("in line", getattr(result, "queue_ms", 0.0) / 1e3)
            apply(answers)
            self.note("apply", time.perf_counter() - began)

        hub.scheduler._deliver, hub._apply = hand_on, take  # type: ignore[method-assign]
        return asyncio.ensure_future(self._probe())

    async def _probe(self) -> None:
        while True:
            due = time.perf_counter() + PROBE_S
            await asyncio.sleep(PROBE_S)
            self.note("loop late", time.perf_counter() - due)

    def told(self) -> dict[str, tuple[float, float]]:
        """Median and 95th percentile of each stage, ms."""
        seen, self._seen = self._seen, {}
        told = {}
        for stage, seconds in sorted(seen.items()):
            p50, p95 = np.percentile(seconds, [50, 95])
            told[stage] = (round(1e3 * float(p50), 1), round(1e3 * float(p95), 1))
        return told
