"""The queue of windows and readings of many sessions: owners take turns, and requests leave together in batches.

A batch costs much less than its windows one by one. So an engine that is free waits for more windows until the oldest
has waited `gather_s`, but only while so many arrive that more are likely: a single stream is served at once. Readings
cost little and hold finals up, so they never wait, and they come before windows.
"""

import math
from collections import OrderedDict, deque
from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from ...session.requests import Encode, Request

GATHER_S = 0.04  # far below what a listener notices; several windows arrive in it once some dozens of streams talk
LIKELY_ARRIVALS = 2.0  # waiting pays when so many windows are expected to arrive meanwhile
RATE_S = 0.5  # the rate of arrivals is measured over about so long


class QueuedRequest(NamedTuple):
    """A request that its owner queued at `queued_at`."""

    owner: Hashable
    request: Request
    queued_at: float


class QueuedEncode(NamedTuple):
    """A window of an owner that was not begun, with the time at which it was queued."""

    request: Encode
    queued_at: float


@dataclass
class BatchQueue:
    """State of the queue.

    batch      windows that leave together at most
    gather_s   how long a window waits for others at most; 0 never waits
    windows    queued windows by owner; the owner whose turn it is comes first
    """

    batch: int = 16
    gather_s: float = GATHER_S
    windows: OrderedDict[Hashable, deque[QueuedEncode]] = field(default_factory=OrderedDict)
    readings: deque[QueuedRequest] = field(default_factory=deque)
    count: int = 0
    arrivals_per_s: float = 0.0
    last_arrival: float = -math.inf

    def __len__(self) -> int:
        """Requests that are queued."""
        return self.count + len(self.readings)

    def submit(self, now: float, owner: Hashable, requests: Iterable[Request]) -> None:
        """Queue an owner's requests behind its earlier ones."""
        for request in requests:
            if isinstance(request, Encode):
                self.count += 1
                decay = math.exp((self.last_arrival - now) / RATE_S)
                self.arrivals_per_s, self.last_arrival = self.arrivals_per_s * decay + 1.0 / RATE_S, now
                self.windows.setdefault(owner, deque()).append(QueuedEncode(request, now))
            else:
                self.readings.append(QueuedRequest(owner, request, now))

    def queued(self, owner: Hashable) -> list[QueuedEncode]:
        """An owner's queued windows, the oldest first."""
        return list(self.windows.get(owner, ()))

    def cancel(self, owner: Hashable, ids: Collection[int]) -> list[Encode]:
        """Take these windows of an owner out of the queue; those that were still in it."""
        queued = self.queued(owner)
        kept = deque(window for window in queued if window.request.id not in ids)
        if kept:
            self.windows[owner] = kept
        else:
            self.windows.pop(owner, None)
        self.count -= len(queued) - len(kept)
        return [window.request for window in queued if window.request.id in ids]

    def forget(self, owner: Hashable) -> None:
        """An owner has disconnected: take everything of it out of the queue."""
        self.count -= len(self.windows.pop(owner, ()))
        self.readings = deque(reading for reading in self.readings if reading.owner is not owner)

    def wait_s(self, now: float) -> float:
        """How long the engine should wait before it takes a batch; 0 when something should leave at once."""
        return 0.0 if self.readings else self._windows_wait_s(now)

    def take(self, now: float) -> list[QueuedRequest]:
        """All readings, and a batch of windows where it is due: one an owner, in turns."""
        taken = list(self.readings)
        self.readings.clear()
        if self._windows_wait_s(now) > 0.0:
            return taken
        for _ in range(min(self.batch, self.count)):
            owner, own = self.windows.popitem(last=False)
            taken.append(QueuedRequest(owner, *own.popleft()))
            self.count -= 1
            if own:
                self.windows[owner] = own  # behind the other owners
        return taken

    def _windows_wait_s(self, now: float) -> float:
        if self.count >= self.batch or self.arrivals_per_s * self.gather_s < LIKELY_ARRIVALS:
            return 0.0
        oldest = min((own[0].queued_at for own in self.windows.values()), default=now)
        return max(0.0, oldest + self.gather_s - now)
