"""Where a reading's time goes: in line, in the engine, on the way back, and how late the event loop is meanwhile."""

import asyncio
import time
from typing import Any

import numpy as np

from ..hub import Hub
from ..scheduler import Answers, Waiting
from ...requests import Encode

PROBE_S = 0.01


class Waits:
    """Milliseconds of each stage since they were last asked for. A window's and a reading's ways are kept apart."""

    def __init__(self) -> None:
        self._seen: dict[str, list[float]] = {}

    def note(self, stage: str, seconds: float) -> None:
        self._seen.setdefault(stage, []).append(1e3 * seconds)

    def watch(self, hub: Hub) -> "asyncio.Task[None]":
        """Follow a server's requests through its scheduler."""
        scheduler = hub.scheduler
        work, deliver, apply = scheduler._run, scheduler._deliver, hub._apply

        def run(taken: Any) -> Answers:
            began = time.perf_counter()
            for _, waiting in taken:
                assert isinstance(waiting, Waiting)
                kind = "window" if isinstance(waiting.request, Encode) else "reading"
                self.note(f"{kind} in line", began - waiting.since)
            answers = work(taken)
            kind = "batch" if any(isinstance(w.request, Encode) for _, w in taken) else "readings alone"
            self.note(kind, time.perf_counter() - began)
            return answers

        def hand_on(answers: Answers) -> None:
            self._left = time.perf_counter()
            deliver(answers)

        def take(answers: Answers) -> None:
            began = time.perf_counter()
            self.note("way back", began - self._left)
            apply(answers)
            self.note("apply", time.perf_counter() - began)

        scheduler._run, scheduler._deliver, hub._apply = run, hand_on, take  # type: ignore[method-assign]
        return asyncio.ensure_future(self._probe())

    async def _probe(self) -> None:
        while True:
            due = time.perf_counter() + PROBE_S
            await asyncio.sleep(PROBE_S)
            self.note("loop late", time.perf_counter() - due)

    def told(self) -> dict[str, list[float]]:
        """Median, 95th percentile and number of each stage."""
        seen, self._seen = self._seen, {}
        return {
            stage: [*(round(float(p), 1) for p in np.percentile(ms, [50, 95])), len(ms)] for stage, ms in seen.items()
        }
