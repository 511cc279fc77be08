"""How long a reading spends in each stage: in the queue, in the engine, on the way back; and how late the loop is."""

import asyncio
import time
from collections.abc import Sequence

import numpy as np

from ..server.inference import Inference
from ..session.requests import Encode, Engine, Request, Result

PROBE_S = 0.01


class StageTimes:
    """Times of each stage since they were last read, in seconds."""

    def __init__(self) -> None:
        self._times: dict[str, list[float]] = {}
        self._delivered_at = 0.0
        self._apply_began = 0.0

    def note(self, stage: str, seconds: float) -> None:
        """Add one time."""
        self._times.setdefault(stage, []).append(seconds)

    def engine(self, engine: Engine) -> Engine:
        """The same engine, timed; `watch` notes the time that its requests waited in the queue."""

        def run(requests: Sequence[Request]) -> list[Result]:
            began = time.perf_counter()
            results = engine(requests)
            windows = any(isinstance(request, Encode) for request in requests)
            self.note("batch" if windows else "readings", time.perf_counter() - began)
            return results

        return run

    def watch(self, inference: Inference) -> "asyncio.Task[None]":
        """Time the results on their way from the scheduler to their sessions, and how late the event loop is."""
        inference.observer = self
        return asyncio.ensure_future(self._probe())

    def delivered(self) -> None:
        """The engine's thread hands its results to the event loop."""
        self._delivered_at = time.perf_counter()

    def apply_begins(self, results: Sequence[Result]) -> None:
        """The event loop begins to give results to their sessions."""
        self._apply_began = time.perf_counter()
        self.note("way back", self._apply_began - self._delivered_at)
        for result in results:
            self.note("queue", getattr(result, "queue_ms", 0.0) / 1e3)

    def apply_ended(self) -> None:
        """The sessions have taken the results."""
        self.note("apply", time.perf_counter() - self._apply_began)

    async def _probe(self) -> None:
        while True:
            due = time.perf_counter() + PROBE_S
            await asyncio.sleep(PROBE_S)
            self.note("loop late", time.perf_counter() - due)

    def percentile_ms(self, stage: str, percent: float) -> float:
        """A percentile of one stage since the times were read last, in ms; 0 where there is none."""
        times = self._times.get(stage)
        return 1e3 * float(np.percentile(times, percent)) if times else 0.0

    def read(self) -> dict[str, tuple[float, float]]:
        """Median and 95th percentile of each stage, in ms."""
        times, self._times = self._times, {}
        percentiles = {}
        for stage, seconds in sorted(times.items()):
            p50, p95 = np.percentile(seconds, [50, 95])
            percentiles[stage] = (round(1e3 * float(p50), 1), round(1e3 * float(p95), 1))
        return percentiles
