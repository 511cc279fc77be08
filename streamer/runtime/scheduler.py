"""Many sessions, one engine: requests are queued, leave in batches, and come back to their owners as results.

A worker thread runs the engine, or several where it answers several batches at once; what is queued meanwhile leaves
together. Which requests leave when is decided by
`rules.batches`. A microphone has one owner, a server has one for each channel of each client.
"""

import math
import time
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from threading import Condition, Thread

from ..session.requests import Done, Encode, Engine, Failed, Request, Result, complete
from .rules.batches import GATHER_S, BatchQueue, QueuedEncode, QueuedRequest

AGAIN_S = 0.05  # until results that could not be delivered are tried again


@dataclass
class SchedulerStats:
    """Totals since the start, for metrics.

    busy_s     wall time in the engine
    batches    how many batches of windows were begun, by size
    queued_s   wall time that requests were queued, summed
    """

    busy_s: float = 0.0
    windows: int = 0
    readings: int = 0
    batches: dict[int, int] = field(default_factory=dict)
    queued_s: float = 0.0
    failures: int = 0


BatchResults = list[tuple[Hashable, list[Result], float]]
"""Owner, its results, and its share of the engine's time in seconds."""


class Scheduler:
    """Batches the requests of many owners. All methods may be called from any thread.

    engine   answers a batch; the results of one batch may not depend on who else is in it
    deliver  takes the results of a batch; called in the worker's thread
    batch    windows that leave together at most
    gather_s how long a window waits for others at most, while the engine is free
    clock    seconds that only go forward
    calls    batches that the engine answers at once, each in a thread of its own
    """

    def __init__(
        self,
        engine: Engine,
        deliver: Callable[[BatchResults], None],
        *,
        batch: int = 16,
        gather_s: float = GATHER_S,
        clock: Callable[[], float] = time.monotonic,
        calls: int = 1,
    ) -> None:
        self._engine, self._deliver, self.clock = engine, deliver, clock
        self.stats = SchedulerStats()
        self._queue = BatchQueue(batch, gather_s)
        self._closed = False
        self._change = Condition()
        self._threads = [Thread(target=self._work, name="emoscope engine", daemon=True) for _ in range(calls)]
        for thread in self._threads:
            thread.start()

    @property
    def queue_length(self) -> int:
        """Requests that are queued."""
        return len(self._queue)

    def submit(self, owner: Hashable, requests: Iterable[Request]) -> None:
        """Queue an owner's requests behind its earlier ones."""
        with self._change:
            now = self.clock()
            waits_s = self._queue.wait_s(now) if len(self._queue) else math.inf
            self._queue.submit(now, owner, requests)
            # A thread that waits for others to share a batch need not be woken by each of them.
            if len(self._queue) and self._queue.wait_s(now) < waits_s:
                self._change.notify()

    def queued(self, owner: Hashable) -> list[QueuedEncode]:
        """An owner's windows that were not begun, the oldest first."""
        with self._change:
            return self._queue.queued(owner)

    def cancel(self, owner: Hashable, ids: Collection[int]) -> list[Encode]:
        """Cancel windows of an owner; those that were not begun are returned, and get no result from here."""
        with self._change:
            return self._queue.cancel(owner, ids)

    def forget(self, owner: Hashable) -> None:
        """An owner has disconnected: nothing of it is begun any more."""
        with self._change:
            self._queue.forget(owner)

    def close(self, timeout_s: float = 5.0) -> None:
        """Begin nothing more; wait so long for what is being computed."""
        with self._change:
            self._closed = True
            self._change.notify_all()
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _work(self) -> None:
        """Until the end. No exception ends it, such as for lack of memory: nobody would be answered any more."""
        while not self._closed:
            taken: list[QueuedRequest] = []
            try:
                taken = self._take()
                if taken:
                    self._deliver(self._run(taken))
            except Exception as error:
                self._fail(taken, _told(error))

    def _take(self) -> list[QueuedRequest]:
        """Wait for the next batch; nothing at the end."""
        with self._change:
            self._change.wait_for(lambda: self._closed or len(self._queue) > 0)
            # What comes meanwhile may have to leave sooner, and notifies.
            while not self._closed and len(self._queue) and (wait_s := self._queue.wait_s(self.clock())) > 0.0:
                if not self._change.wait(wait_s):
                    break
            if self._closed:
                return []
            taken = self._queue.take(self.clock())
            if len(self._queue):
                self._change.notify()  # another thread may be free for what is left
            return taken

    def _fail(self, taken: Sequence[QueuedRequest], message: str) -> None:
        """Every owner learns of it, as soon as there is room for that."""
        while not self._closed:
            time.sleep(AGAIN_S)
            with suppress(Exception):
                self._deliver([(queued.owner, [Failed(queued.request.id, message)], 0.0) for queued in taken])
                return

    def _run(self, taken: Sequence[QueuedRequest]) -> BatchResults:
        began = self.clock()
        # Ids are unique within an owner only: in a batch, a request is known by its place.
        numbered = [replace(queued.request, id=place) for place, queued in enumerate(taken)]
        results = self._answer(numbered)
        spent_s = self.clock() - began
        with self._change:
            self._count(numbered, results, spent_s)
            self.stats.queued_s += sum(began - queued.queued_at for queued in taken)
        by_owner: dict[Hashable, list[Result]] = {}
        for result in results:
            queued = taken[result.id]
            own: Result = replace(result, id=queued.request.id)
            if isinstance(own, Done):
                own = replace(own, queue_ms=round((began - queued.queued_at) * 1e3, 3))
            by_owner.setdefault(queued.owner, []).append(own)
        share_s = spent_s / max(1, len(taken))
        return [(owner, own, share_s * len(own)) for owner, own in by_owner.items()]

    def _count(self, requests: Sequence[Request], results: Sequence[Result], spent_s: float) -> None:
        stats, windows = self.stats, sum(isinstance(request, Encode) for request in requests)
        stats.busy_s += spent_s
        stats.windows += windows
        stats.readings += len(requests) - windows
        stats.failures += sum(isinstance(result, Failed) for result in results)
        if windows:
            stats.batches[windows] = stats.batches.get(windows, 0) + 1

    def _answer(self, requests: Sequence[Request]) -> list[Result]:
        """One result a request. When a batch fails, each failed request is tried again alone, so that others pass."""
        results = self._try(requests)
        failed = [result.id for result in results if isinstance(result, Failed)]
        if not failed or len(requests) == 1:
            return results
        again = [result for place in failed for result in self._try([requests[place]])]
        return [result for result in results if not isinstance(result, Failed)] + again

    def _try(self, requests: Sequence[Request]) -> list[Result]:
        try:
            return complete(requests, self._engine(requests))
        except Exception as error:  # whatever a backend throws, the sessions must learn of it
            return [Failed(request.id, _told(error)) for request in requests]


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
