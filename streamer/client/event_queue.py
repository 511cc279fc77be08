"""The bounded queue of events that the caller has not read yet."""

from collections import deque
from collections.abc import Iterable
from threading import Lock

from ..protocol.events import AnyEvent, EmotionInterim, Status, TranscriptInterim

CAPACITY = 1_000  # beyond this, events that a later one replaces (interims and statuses) are dropped


class EventQueue:
    """A first-in, first-out queue. A caller who reads slowly loses interims and statuses, never durable events."""

    def __init__(self) -> None:
        self._events: deque[AnyEvent] = deque()
        self._lock = Lock()

    def put(self, events: Iterable[AnyEvent]) -> None:
        with self._lock:
            self._events.extend(events)
            if len(self._events) > CAPACITY:
                kept = [e for e in self._events if not isinstance(e, EmotionInterim | TranscriptInterim | Status)]
                self._events = deque(kept)

    def pop(self) -> AnyEvent | None:
        """Remove and return the oldest event; None when the queue is empty. Safe to call from another thread."""
        with self._lock:
            return self._events.popleft() if self._events else None
