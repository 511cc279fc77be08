"""Passes of all sessions at a few recognizers: in turns, in time, and never on the event loop.

A `realtime` pass that is not there `text_wait_s` after it was due is `Late`, and an interim gives way to a newer one,
to a final, and to everybody when the line is long. A `fast` session waits for all of its passes; its client's window
bounds how many there are. A recognizer that broke stays broken, and words are then off for every session.
"""

import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from threading import Condition, Thread

from ..asr import Recognizer
from ..protocol.config import SAMPLE_RATE
from ..session.requests import Done, Dropped, Failed, Late, Result, Transcribe
from .offer import Offer

NOBODY = "this server makes no words"
MOST_INTERIMS = 32  # in line, of all sessions; the oldest give way
MOST_FINALS = 256  # in line; further ones would be late before their turn comes
REMEMBERED, REMEMBERED_S = 8, 30.0  # what passes cost lately
LOOK_S = 0.1


@dataclass(eq=False)
class Asked:
    """A pass in line since `since`, wanted until `until` (time.monotonic); `decided` once its owner has a result."""

    owner: Hashable
    request: Transcribe
    since: float
    until: float
    decided: bool = False

    @property
    def firm(self) -> bool:
        """Whether it must be made as long as there is time."""
        return self.request.final or self.until == math.inf


class WordsPool:
    """One thread a recognizer. All methods may be called from any thread.

    recognizers  started already, loaded or not; closed with the pool
    deliver      takes an owner and the one result of each of its passes; called in any thread
    broke        hears once why words are over
    """

    def __init__(
        self,
        recognizers: Sequence[Recognizer],
        deliver: Callable[[Hashable, Result], None],
        broke: Callable[[str], None] = lambda why: None,
    ) -> None:
        self._recognizers, self._deliver, self._broke = recognizers, deliver, broke
        self._lines: tuple[OrderedDict[Hashable, deque[Asked]], ...] = (OrderedDict(), OrderedDict())
        self._begun: set[Asked] = set()
        self._costs: deque[tuple[float, float, float]] = deque(maxlen=REMEMBERED * max(1, len(recognizers)))
        self._trouble = "" if recognizers else NOBODY
        self._closed = False
        self._change = Condition()
        for recognizer in recognizers:
            Thread(target=self._work, args=(recognizer,), name="emoscope words", daemon=True).start()

    @property
    def offer(self) -> Offer:
        """What a session that begins now may count on."""
        languages = next((r.languages for r in self._recognizers if r.languages), ())
        return Offer(there=bool(self._recognizers), trouble=self._trouble, languages=languages)

    @property
    def waiting(self) -> int:
        """Passes in line."""
        with self._change:
            return sum(self._count(line) for line in self._lines)

    @property
    def busy_s(self) -> float:
        """Wall time spent in recognizers."""
        return sum(recognizer.busy_s for recognizer in self._recognizers)

    def submit(self, owner: Hashable, requests: Iterable[Transcribe], audio_s: float, wait_s: float | None) -> None:
        """Passes that an owner wants when it has heard `audio_s`; each may come `wait_s` after it was due."""
        now = time.monotonic()
        given: list[tuple[Asked, Result]] = []
        with self._change:
            for request in requests:
                # Counted from when it was due: a pass may have waited for another, in the session.
                since = max(0.0, audio_s - request.due / SAMPLE_RATE)
                asked = Asked(owner, request, now, math.inf if wait_s is None else now + wait_s - since)
                if self._trouble:
                    given.append((asked, Failed(request.id, self._trouble)))
                elif asked.until <= now or (asked.until < math.inf and self._count(self._lines[0]) >= MOST_FINALS):
                    given.append((asked, Late(request.id)))
                else:
                    given += self._supersede(asked)
                    self._lines[not asked.firm].setdefault(owner, deque()).append(asked)
                    given += self._shorten()
            self._change.notify_all()
        self._give(given)

    def tick(self) -> None:
        """Give up what is late by now, whether it was begun or not."""
        now = time.monotonic()
        with self._change:
            waiting = [asked for line in self._lines for own in line.values() for asked in own]
            overdue = [asked for asked in [*waiting, *self._begun] if not asked.decided and now >= asked.until]
            given = [self._decide(asked, Late(asked.request.id)) for asked in overdue]
        self._give(given)

    def forget(self, owner: Hashable) -> None:
        """An owner went away, or wants no more words: nothing of it is begun any more, and nothing told."""
        with self._change:
            for line in self._lines:
                line.pop(owner, None)
            for asked in self._begun:
                asked.decided = asked.decided or asked.owner is owner

    def close(self) -> None:
        """End the recognizers, whatever they are doing."""
        with self._change:
            self._closed = True
            self._change.notify_all()
        for recognizer in self._recognizers:
            recognizer.close()

    # --- all below but the threads' work is done with `_change` held

    @staticmethod
    def _count(line: "OrderedDict[Hashable, deque[Asked]]") -> int:
        return sum(len(own) for own in line.values())

    def _decide(self, asked: Asked, result: Result) -> tuple[Asked, Result]:
        """The one result of a pass; out of its line, if it was in one."""
        asked.decided = True
        for line in self._lines:
            own = line.get(asked.owner)
            if own is not None and asked in own:
                own.remove(asked)
                if not own:
                    del line[asked.owner]
        return asked, result

    def _supersede(self, newer: Asked) -> list[tuple[Asked, Result]]:
        """A newer pass takes the place of its owner's interims in line; a final, of one that is being made."""
        if newer.until == math.inf:
            return []
        older = list(self._lines[1].get(newer.owner, ()))
        if newer.request.final:
            older += [a for a in self._begun if a.owner is newer.owner and not a.firm and not a.decided]
        return [self._decide(asked, Dropped(asked.request.id)) for asked in older]

    def _shorten(self) -> list[tuple[Asked, Result]]:
        """Past the bound the oldest interims are given up."""
        given = []
        while self._count(self._lines[1]) > MOST_INTERIMS:
            oldest = next(iter(self._lines[1].values()))[0]
            given.append(self._decide(oldest, Dropped(oldest.request.id)))
        return given

    def _take(self) -> Asked | None:
        """The next owner's oldest pass, what must be made first; the owner then stands behind everybody else."""
        for line in self._lines:
            if line:
                owner, own = line.popitem(last=False)
                asked = own.popleft()
                if own:
                    line[owner] = own
                return asked
        return None

    def _hopeless(self, asked: Asked) -> bool:
        """Every pass over no more audio took longer, lately, than is left: it would only hold up the others."""
        now, seconds = time.monotonic(), len(asked.request.audio) / SAMPLE_RATE
        costs = [cost for at, length, cost in self._costs if length <= seconds and now - at < REMEMBERED_S]
        return bool(costs) and now + min(costs) > asked.until

    def _break(self, why: str) -> list[tuple[Asked, Result]]:
        """No more words, for anybody."""
        self._trouble = why
        waiting = [asked for line in self._lines for own in line.values() for asked in own]
        return [self._decide(asked, Failed(asked.request.id, why)) for asked in waiting]

    # --- a recognizer's thread

    def _work(self, recognizer: Recognizer) -> None:
        while not recognizer.loaded(LOOK_S):
            if self._closed:
                return
        while not recognizer.broken:
            with self._change:
                self._change.wait_for(lambda: self._closed or any(self._lines))
                asked = None if self._closed else self._take()
                if asked is None:
                    break
                hopeless = self._hopeless(asked)
                if hopeless:
                    given = [self._decide(asked, (Late if asked.firm else Dropped)(asked.request.id))]
                else:
                    self._begun.add(asked)
            if not hopeless:
                given = self._hear(recognizer, asked)
            self._give(given)
        self._end(recognizer.broken)

    def _hear(self, recognizer: Recognizer, asked: Asked) -> list[tuple[Asked, Result]]:
        request, began = asked.request, time.monotonic()
        result: Result
        if recognizer.hears(request.language):
            [result] = recognizer([request])
        else:
            result = Failed(request.id, f"{recognizer.name} hears no {request.language}")
        with self._change:
            self._begun.discard(asked)
            if isinstance(result, Done):
                self._costs.append((time.monotonic(), len(request.audio) / SAMPLE_RATE, time.monotonic() - began))
                result = replace(result, queue_ms=round((began - asked.since) * 1e3, 3))
            return [] if asked.decided else [self._decide(asked, result)]

    def _end(self, why: str) -> None:
        """A recognizer's thread is over: words are, unless the pool was closed."""
        with self._change:
            if self._closed or self._trouble:
                return
            given = self._break(why)
        self._broke(why)
        self._give(given)

    def _give(self, given: Sequence[tuple[Asked, Result]]) -> None:
        for asked, result in given:
            self._deliver(asked.owner, result)
