"""A live session's passes at a recognizer: what comes too late, or would, is given up; nothing waits for it."""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from ..protocol.config import SAMPLE_RATE
from ..session.requests import Done, Dropped, Engine, Late, Result, Transcribe
from .engine_thread import EngineThread

REMEMBERED, REMEMBERED_S = 8, 30.0  # what passes cost lately
HOPELESS = 2.0  # a final that would take so many times the wait is not begun: it would hold up the next ones


@dataclass
class _Asked:
    request: Transcribe
    until: float
    given_up: bool = False


class WordsLine:
    """Belongs to one thread, as its session does.

    wait_s  how long after it was due a pass may come; None waits for all, and skips nothing (recordings)
    """

    def __init__(self, recognizer: Engine, wait_s: float | None) -> None:
        self._thread = EngineThread(recognizer, at_once=1)
        self._wait_s = wait_s
        self._asked: dict[int, _Asked] = {}
        self._given: list[Result] = []
        self._costs: deque[tuple[float, float, float]] = deque(maxlen=REMEMBERED)

    def submit(self, requests: Sequence[Transcribe], audio_s: float) -> None:
        """Passes that the session wants, when it has heard `audio_s`."""
        for request in requests:
            if self._wait_s is None:
                self._ask(request, float("inf"))
                continue
            self._supersede(request)
            if self._hopeless(request):
                self._given.append(Late(request.id) if request.final else Dropped(request.id))
                continue
            # Counted from when it was due: a pass may have waited for another, in the session.
            since = max(0.0, audio_s - request.due / SAMPLE_RATE)
            self._ask(request, time.monotonic() + self._wait_s - since)

    def results(self) -> list[Result]:
        """What is decided since the last call: one result for each pass, late ones included."""
        now = time.monotonic()
        for result in self._thread.results():
            asked = self._asked.pop(result.id, None)
            if asked is None:
                continue
            if isinstance(result, Done):
                self._costs.append((now, len(asked.request.audio) / SAMPLE_RATE, result.infer_ms / 1e3))
            if not asked.given_up:
                self._given.append(result)
        overdue = {id for id, asked in self._asked.items() if not asked.given_up and now >= asked.until}
        for request in overdue:
            self._given.append(Late(request))
        self._give_up(overdue)
        given, self._given = self._given, []
        return given

    def settle(self, timeout_s: float) -> bool:
        """Wait until a result is ready or nothing is going on; false after `timeout_s`."""
        return bool(self._given) or self._thread.settle(timeout_s)

    @property
    def busy(self) -> bool:
        """A pass was asked for and not decided yet."""
        return bool(self._given) or any(not asked.given_up for asked in self._asked.values())

    def close(self) -> None:
        """Begin nothing more."""
        self._thread.close()

    def _ask(self, request: Transcribe, until: float) -> None:
        self._asked[request.id] = _Asked(request, until)
        self._thread.submit([request])

    def _supersede(self, request: Transcribe) -> None:
        """A newer pass takes the place of interims that were not begun; the last one, of any that still runs."""
        back = {r.id for r in self._thread.take_back(lambda r: isinstance(r, Transcribe) and not r.final)}
        older = set(back)
        if request.final:
            older |= {id for id, asked in self._asked.items() if not asked.request.final and not asked.given_up}
        for id in older:
            self._given.append(Dropped(id))
        self._give_up(older, gone=back)

    def _give_up(self, ids: set[int], gone: set[int] | None = None) -> None:
        """Results of these are not wanted any more; those not begun will never come."""
        gone = set() if gone is None else gone
        gone |= {r.id for r in self._thread.take_back(lambda r: r.id in ids)}
        for id in ids:
            if id in gone:
                self._asked.pop(id, None)
            elif id in self._asked:
                self._asked[id].given_up = True

    def _hopeless(self, request: Transcribe) -> bool:
        """A pass over no more audio took too long lately."""
        assert self._wait_s is not None
        now, seconds = time.monotonic(), len(request.audio) / SAMPLE_RATE
        limit = self._wait_s * (HOPELESS if request.final else 1.0)
        return any(cost > limit and length <= seconds for at, length, cost in self._costs if now - at < REMEMBERED_S)
