"""Events that wait for the caller."""

from collections import deque
from collections.abc import Iterable
from threading import Lock

from ..protocol.events import AnyEvent, EmotionInterim, Status, TranscriptInterim

MOST = 1_000  # events that wait; of more, the oldest of those that a later one replaces are let go


class Inbox:
    """In order. A caller who does not look for long loses interim readings and statuses, and nothing else."""

    def __init__(self) -> None:
        self._events: deque[AnyEvent] = deque()
        self._lock = Lock()

    def put(self, events: Iterable[AnyEvent]) -> None:
        with self._lock:
            self._events.extend(events)
            if len(self._events) > MOST:
                kept = [e for e in self._events if not isinstance(e, EmotionInterim | TranscriptInterim | Status)]
                self._events = deque(kept)

    def take(self) -> AnyEvent | None:
        """The oldest one, if there is any. May be called from another thread."""
        with self._lock:
            return self._events.popleft() if self._events else None
