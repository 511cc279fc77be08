"""Many sessions, one engine: their requests wait in one place and leave in batches, in turns.

One worker thread runs the engine. While it computes, requests gather; what has gathered leaves together. A batch costs
much less than its windows one by one, so a worker that is free waits for company until the oldest window has waited
`gather_s`, but only while so many windows come that company is likely: a lone stream is answered at once.
"""

import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from threading import Condition, Thread

from ..session.requests import Done, Encode, Engine, Failed, Request, Result

GATHER_S = 0.04  # far below what a listener notices; several windows come in it once some dozens of streams talk
COMPANY = 2.0  # so many windows must be expected to come meanwhile
RATE_S = 0.5


@dataclass(slots=True)
class Waiting:
    """A request in line since `since` (time.perf_counter)."""

    since: float
    request: Request


@dataclass
class Figures:
    """What went through; read by the metrics.

    busy_s     wall time in the engine
    batches    forward passes' worth of windows begun, by size
    """

    busy_s: float = 0.0
    windows: int = 0
    readings: int = 0
    batches: dict[int, int] = field(default_factory=dict)
    waited_s: float = 0.0
    failures: int = 0


Answers = list[tuple[Hashable, list[Result], float]]
"""Owner, its results, and its share of the engine's time in seconds."""


class Scheduler:
    """Requests of many owners, batched. All methods may be called from any thread.

    engine   answers a batch; the results of one batch may not depend on who else is in it
    deliver  takes what became ready; called in the worker's thread
    batch    windows that leave together at most
    gather_s so long a window waits for company at most, if the worker is free
    """

    def __init__(
        self, engine: Engine, deliver: Callable[[Answers], None], *, batch: int = 16, gather_s: float = GATHER_S
    ) -> None:
        self._engine, self._deliver = engine, deliver
        self.batch, self.gather_s = batch, gather_s
        self.figures = Figures()
        self._windows: OrderedDict[Hashable, deque[Waiting]] = OrderedDict()
        self._readings: deque[tuple[Hashable, Waiting]] = deque()
        self._count = 0
        self._rate, self._came_at = 0.0, time.perf_counter()
        self._closed = False
        self._change = Condition()
        self._thread = Thread(target=self._work, name="emoscope engine", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Requests in line."""
        return self._count

    def submit(self, owner: Hashable, requests: Iterable[Request]) -> None:
        """Put an owner's requests in line, after its earlier ones."""
        now = time.perf_counter()
        with self._change:
            for request in requests:
                self._count += 1
                if isinstance(request, Encode):
                    self._note(now)
                    self._windows.setdefault(owner, deque()).append(Waiting(now, request))
                else:
                    self._readings.append((owner, Waiting(now, request)))
            self._change.notify()

    def take_back(self, owner: Hashable, unwanted: Callable[[Encode], bool] | None = None) -> list[Encode]:
        """An owner's windows that were not begun and that `unwanted` holds for; they get no result from here."""
        with self._change:
            line = self._windows.get(owner)
            if not line:
                return []
            back = [w.request for w in line if isinstance(w.request, Encode) and (not unwanted or unwanted(w.request))]
            taken = {request.id for request in back}
            self._windows[owner] = deque(w for w in line if w.request.id not in taken)
            self._count -= len(back)
            return back

    def waited_s(self, owner: Hashable) -> float:
        """For how long the oldest window of an owner has been in line."""
        with self._change:
            line = self._windows.get(owner)
            return time.perf_counter() - line[0].since if line else 0.0

    def forget(self, owner: Hashable) -> None:
        """An owner went away: nothing of it is begun any more."""
        with self._change:
            self._count -= len(self._windows.pop(owner, ()))
            before = len(self._readings)
            self._readings = deque(item for item in self._readings if item[0] is not owner)
            self._count -= before - len(self._readings)

    def close(self, timeout_s: float = 5.0) -> None:
        """Begin nothing more; wait for what is being computed."""
        with self._change:
            self._closed = True
            self._change.notify()
        self._thread.join(timeout_s)

    def _work(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._closed or self._count > 0)
                if self._closed:
                    return
                patience = self._patience(time.perf_counter())
                if patience > 0 and not self._readings:
                    self._change.wait_for(lambda: self._closed or self._enough(), patience)
                taken = self._take(self._patience(time.perf_counter()) <= 0)
            if taken:
                self._deliver(self._run(taken))

    def _note(self, now: float) -> None:
        """A window came: windows a second, over about the last `RATE_S`."""
        gap = now - self._came_at
        self._came_at = now
        self._rate = self._rate * math.exp(-gap / RATE_S) + 1.0 / RATE_S

    def _enough(self) -> bool:
        """Whether waiting on would bring nothing: a whole batch, or readings, which must not wait."""
        return bool(self._readings) or self._count >= self.batch

    def _patience(self, now: float) -> float:
        """For how long windows that wait may wait on; 0 when they must leave."""
        if self._count - len(self._readings) >= self.batch or self._rate * self.gather_s < COMPANY:
            return 0.0
        oldest = min((line[0].since for line in self._windows.values() if line), default=now)
        return oldest + self.gather_s - now

    def _take(self, due: bool) -> list[tuple[Hashable, Waiting]]:
        """All readings, which cost little and hold finals up; a batch of windows where due, one an owner in turns."""
        taken = list(self._readings)
        self._readings.clear()
        windows = 0
        while due and windows < self.batch and self._windows:
            owner, line = self._windows.popitem(last=False)
            if line:
                taken.append((owner, line.popleft()))
                windows += 1
            if line:
                self._windows[owner] = line  # behind everybody else
        self._count -= len(taken)
        return taken

    def _run(self, taken: Sequence[tuple[Hashable, Waiting]]) -> Answers:
        began = time.perf_counter()
        # Ids are unique within an owner only: in a batch, a request goes by its place.
        numbered = [replace(waiting.request, id=place) for place, (_, waiting) in enumerate(taken)]
        results = self._answer(numbered)
        spent = time.perf_counter() - began
        figures = self.figures
        windows = sum(isinstance(request, Encode) for request in numbered)
        figures.busy_s += spent
        figures.windows += windows
        figures.readings += len(numbered) - windows
        if windows:
            figures.batches[windows] = figures.batches.get(windows, 0) + 1
        by_owner: dict[Hashable, list[Result]] = {}
        for result in results:
            owner, waiting = taken[result.id]
            waited = began - waiting.since
            figures.waited_s += waited
            own: Result = replace(result, id=waiting.request.id)
            if isinstance(own, Done):
                own = replace(own, queue_ms=round(waited * 1e3, 3))
            elif isinstance(own, Failed):
                figures.failures += 1
            by_owner.setdefault(owner, []).append(own)
        share = spent / max(1, len(taken))
        return [(owner, own, share * len(own)) for owner, own in by_owner.items()]

    def _answer(self, requests: Sequence[Request]) -> list[Result]:
        """One result a request. What breaks a batch is looked for alone, so that it takes nobody with it."""
        results = self._try(requests)
        failed = [result.id for result in results if isinstance(result, Failed)]
        if not failed or len(requests) == 1:
            return results
        again = [result for place in failed for result in self._try([requests[place]])]
        return [result for result in results if not isinstance(result, Failed)] + again

    def _try(self, requests: Sequence[Request]) -> list[Result]:
        try:
            return self._engine(requests)
        except Exception as error:  # whatever a backend throws, the sessions must hear of it
            return [Failed(request.id, f"{type(error).__name__}: {error}") for request in requests]
