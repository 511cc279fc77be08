"""The queue of transcription passes of many sessions: in turns, in time, and one result for each pass.

A pass of a `realtime` session has a deadline, `text_wait_s` after it was due; one that has no result by then is `Late`.
A newer pass of a session supersedes its queued interims, a final supersedes an interim that is being made as well, and
the oldest interims of all sessions are dropped when too many are queued. A `fast` session waits for all of its passes;
its client's window bounds how many there are.

A pass that cannot finish in time is not begun, because it would only hold up the others: that is a pass for which every
recent pass over no more audio took longer than the time that is left when its turn comes.
"""

import math
from collections import OrderedDict, deque
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from ...protocol.config import SAMPLE_RATE
from ...session.requests import Done, Dropped, Failed, Late, Result, Transcribe

MAX_INTERIMS = 32  # queued, of all sessions; the oldest are dropped
MAX_FINALS = 256  # queued, of all sessions; further ones would be late before their turn comes
REMEMBERED_PASSES, REMEMBERED_S = 32, 30.0  # recent passes whose durations are known


@dataclass(eq=False)
class QueuedPass:
    """A pass that was queued at `queued_at` and is wanted until `deadline`; `decided` once its owner has a result.

    retried   it was begun before, by a recognizer that broke
    """

    owner: Hashable
    request: Transcribe
    queued_at: float
    deadline: float
    decided: bool = False
    retried: bool = False

    @property
    def durable(self) -> bool:
        """Whether it must be made as long as there is time: a final, or any pass of a session that waits."""
        return self.request.final or self.deadline == math.inf

    @property
    def seconds(self) -> float:
        """Length of its audio."""
        return len(self.request.audio) / SAMPLE_RATE


class Decided(NamedTuple):
    """The one result of an owner's pass."""

    owner: Hashable
    result: Result


class Duration(NamedTuple):
    """A recent pass: when it ended, how much audio it covered, and how long it took, in seconds."""

    ended_at: float
    audio_s: float
    took_s: float


Queue = OrderedDict[Hashable, deque[QueuedPass]]


@dataclass
class PassQueue:
    """State of the queue; every method returns the results that it decides.

    durable, interims   queued passes by owner; the owner whose turn it is comes first
    begun               passes that a recognizer works on
    """

    durable: Queue = field(default_factory=OrderedDict)
    interims: Queue = field(default_factory=OrderedDict)
    begun: set[QueuedPass] = field(default_factory=set)
    durations: deque[Duration] = field(default_factory=lambda: deque(maxlen=REMEMBERED_PASSES))

    def __len__(self) -> int:
        """Passes that are queued."""
        return _count(self.durable) + _count(self.interims)

    def submit(
        self, now: float, owner: Hashable, requests: Iterable[Transcribe], audio_s: float, wait_s: float | None
    ) -> list[Decided]:
        """Queue passes of an owner whose session has accepted `audio_s`.

        wait_s   how long after it was due a pass may arrive; None waits for it however long it takes

        The time that a pass waited inside its session, for an earlier pass, counts.
        """
        decided: list[Decided] = []
        for request in requests:
            waited_s = max(0.0, audio_s - request.due / SAMPLE_RATE)
            deadline = math.inf if wait_s is None else now + wait_s - waited_s
            queued = QueuedPass(owner, request, now, deadline)
            full = wait_s is not None and _count(self.durable) >= MAX_FINALS
            if deadline <= now or full:
                decided.append(self._decide(queued, Late(request.id)))
                continue
            decided += self._supersede(queued)
            self._queue_of(queued).setdefault(owner, deque()).append(queued)
            decided += self._shorten()
        return decided

    def expire(self, now: float) -> list[Decided]:
        """`Late` for every pass whose deadline has passed, whether it was begun or not."""
        overdue = [queued for queued in [*self._queued(), *self.begun] if not queued.decided and now >= queued.deadline]
        return [self._decide(queued, Late(queued.request.id)) for queued in overdue]

    def begin(self, now: float) -> tuple[QueuedPass | None, list[Decided]]:
        """The pass whose turn it is, None when nothing is queued, and results of those that it makes no sense to begin.

        Owners take turns; passes that must be made come before interims.
        """
        decided: list[Decided] = []
        while (queued := self._pop()) is not None:
            if now < queued.deadline and not self.cannot_finish_in_time(now, queued):
                self.begun.add(queued)
                return queued, decided
            late = queued.durable or now >= queued.deadline
            decided.append(self._decide(queued, (Late if late else Dropped)(queued.request.id)))
        return None, decided

    def end(self, now: float, made: QueuedPass, result: Result, began: float) -> list[Decided]:
        """A recognizer that began a pass at `began` has its result, which counts unless it comes too late."""
        self.begun.discard(made)
        if isinstance(result, Done):
            self.durations.append(Duration(now, made.seconds, now - began))
        if made.decided:
            return []
        return [self._decide(made, Late(made.request.id) if now >= made.deadline else result)]

    def put_back(self, made: QueuedPass, *, broken: bool) -> list[Decided]:
        """The recognizer that had begun a pass has no result: another one may try it before everything else.

        broken   it ended on this pass. A pass that breaks two recognizers is `Late`: a third one would go the same way
        """
        self.begun.discard(made)
        if made.decided:
            return []
        if broken and made.retried:
            return [self._decide(made, Late(made.request.id))]
        made.retried = made.retried or broken
        queue = self._queue_of(made)
        queue.setdefault(made.owner, deque()).appendleft(made)
        queue.move_to_end(made.owner, last=False)
        return []

    def forget(self, owner: Hashable) -> None:
        """An owner has disconnected, or wants no more words: none of its passes gets a result any more."""
        self.durable.pop(owner, None)
        self.interims.pop(owner, None)
        for queued in self.begun:
            queued.decided = queued.decided or queued.owner is owner

    def fail(self, reason: str) -> list[Decided]:
        """`Failed` for everything that is queued: there is no recognizer any more."""
        return [self._decide(queued, Failed(queued.request.id, reason)) for queued in list(self._queued())]

    def give_up(self) -> list[Decided]:
        """`Late` for everything that is queued: no recognizer has come back in time."""
        return [self._decide(queued, Late(queued.request.id)) for queued in list(self._queued())]

    def cannot_finish_in_time(self, now: float, queued: QueuedPass) -> bool:
        """Whether every recent pass over no more audio took longer than is left until the deadline."""
        took_s = [
            duration.took_s
            for duration in self.durations
            if duration.audio_s <= queued.seconds and now - duration.ended_at < REMEMBERED_S
        ]
        return bool(took_s) and now + min(took_s) > queued.deadline

    def _queue_of(self, queued: QueuedPass) -> Queue:
        return self.durable if queued.durable else self.interims

    def _queued(self) -> Iterator[QueuedPass]:
        for queue in (self.durable, self.interims):
            for own in queue.values():
                yield from own

    def _pop(self) -> QueuedPass | None:
        """The oldest pass of the owner whose turn it is; the owner then stands behind the others."""
        for queue in (self.durable, self.interims):
            if queue:
                owner, own = queue.popitem(last=False)
                queued = own.popleft()
                if own:
                    queue[owner] = own
                return queued
        return None

    def _decide(self, queued: QueuedPass, result: Result) -> Decided:
        queued.decided = True
        queue = self._queue_of(queued)
        own = queue.get(queued.owner)
        if own is not None and queued in own:
            own.remove(queued)
            if not own:
                del queue[queued.owner]
        return Decided(queued.owner, result)

    def _supersede(self, newer: QueuedPass) -> list[Decided]:
        """`Dropped` for the owner's queued interims, and before a final for the one that is being made."""
        if newer.deadline == math.inf:
            return []
        older = list(self.interims.get(newer.owner, ()))
        if newer.request.final:
            older += [q for q in self.begun if q.owner is newer.owner and not q.durable and not q.decided]
        return [self._decide(queued, Dropped(queued.request.id)) for queued in older]

    def _shorten(self) -> list[Decided]:
        """`Dropped` for the oldest interims beyond the bound."""
        decided = []
        while _count(self.interims) > MAX_INTERIMS:
            oldest = next(iter(self.interims.values()))[0]
            decided.append(self._decide(oldest, Dropped(oldest.request.id)))
        return decided


def _count(queue: Queue) -> int:
    return sum(len(own) for own in queue.values())
