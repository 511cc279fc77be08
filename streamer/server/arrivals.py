"""When audio arrived, so that a reading's lag is known: by the wall clock, from its last sample to its leaving."""

from bisect import bisect_left
from collections import deque
from collections.abc import Callable

REMEMBERED = 128  # chunks


class Arrivals:
    """One stream's newest chunks. `observe` takes each lag in seconds."""

    def __init__(self, observe: Callable[[float], None]) -> None:
        self._observe = observe
        self._chunks: deque[tuple[float, float]] = deque(maxlen=REMEMBERED)

    def heard(self, audio_s: float, now: float) -> None:
        """A chunk came that ends at `audio_s`."""
        self._chunks.append((audio_s, now))

    def left(self, end: float, now: float) -> None:
        """A reading up to `end` leaves; its lag counts from the arrival of the chunk that completed it."""
        if self._chunks:
            place = bisect_left(self._chunks, end, key=lambda item: item[0])
            self._observe(max(0.0, now - self._chunks[min(place, len(self._chunks) - 1)][1]))
