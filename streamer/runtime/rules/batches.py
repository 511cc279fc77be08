"""The queue of windows and readings of many sessions: owners take turns, and requests leave together in batches.

A batch costs much less than its windows one by one. So an engine that is free waits for more windows until the oldest
has waited `gather_s`, but only while so many arrive that more are likely: a single stream is served at once. Readings
and the chunks of the voice detector cost little and hold everything else up, so they come before windows, and wait for
a quarter of that at most: what they cost is the way to the engine and back, which several then share.
"""

import math
from collections import OrderedDict, deque
from collections.abc import Collection, Hashable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from ...session.requests import Encode, Request

GATHER_S = 0.04  # far below what a listener notices; several windows arrive in it once some dozens of streams talk
SOON = 0.25  # of it, for what is no window: 10 ms
LIKELY_ARRIVALS = 2.0  # waiting pays when so many requests of a kind are expected to arrive meanwhile
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
class Arrivals:
    """How many requests of a kind arrive: the rate was `per_s` when the last one came, `at`."""

    per_s: float = 0.0
    at: float = -math.inf

    def note(self, now: float) -> None:
        """One arrives."""
        self.per_s, self.at = self.per_s * math.exp((self.at - now) / RATE_S) + 1.0 / RATE_S, now

    def likely_within(self, seconds: float) -> bool:
        """Whether enough are expected within so many seconds that waiting for them pays."""
        return self.per_s * seconds >= LIKELY_ARRIVALS


@dataclass
class BatchQueue:
    """State of the queue.

    batch      windows that leave together at most
    gather_s   how long a window waits for others at most; 0 never waits
    windows    queued windows by owner; the owner whose turn it is comes first
    readings   everything else that is queued, in the order in which it came
    """

    batch: int = 16
    gather_s: float = GATHER_S
    windows: OrderedDict[Hashable, deque[QueuedEncode]] = field(default_factory=OrderedDict)
    readings: deque[QueuedRequest] = field(default_factory=deque)
    count: int = 0
    window_arrivals: Arrivals = field(default_factory=Arrivals)
    reading_arrivals: Arrivals = field(default_factory=Arrivals)

    def __len__(self) -> int:
        """Requests that are queued."""
        return self.count + len(self.readings)

    def submit(self, now: float, owner: Hashable, requests: Iterable[Request]) -> None:
        """Queue an owner's requests behind its earlier ones."""
        for request in requests:
            if isinstance(request, Encode):
                self.count += 1
                self.window_arrivals.note(now)
                self.windows.setdefault(owner, deque()).append(QueuedEncode(request, now))
            else:
                self.reading_arrivals.note(now)
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
        if not self.readings:
            return self._windows_wait_s(now)
        soon_s = SOON * self.gather_s
        if not self.reading_arrivals.likely_within(soon_s):
            return 0.0
        windows_s = self._windows_wait_s(now) if self.count else soon_s
        return max(0.0, min(windows_s, self.readings[0].queued_at + soon_s - now))

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
        if self.count >= self.batch or not self.window_arrivals.likely_within(self.gather_s):
            return 0.0
        oldest = min((own[0].queued_at for own in self.windows.values()), default=now)
        return max(0.0, oldest + self.gather_s - now)
