"""When audio arrived, so that a reading's lag is known: by the wall clock, from its last sample to its leaving."""

from bisect import bisect_left
from collections import deque

REMEMBERED = 128  # chunks


class Arrivals:
    """One stream's newest chunks."""

    def __init__(self) -> None:
        self._chunks: deque[tuple[float, float]] = deque(maxlen=REMEMBERED)

    def heard(self, audio_s: float, now: float) -> None:
        """A chunk came that ends at `audio_s`."""
        self._chunks.append((audio_s, now))

    def lag_s(self, end: float, now: float) -> float | None:
        """From the arrival of the chunk that completed the audio up to `end`; None before the first."""
        if not self._chunks:
            return None
        place = bisect_left(self._chunks, end, key=lambda item: item[0])
        return max(0.0, now - self._chunks[min(place, len(self._chunks) - 1)][1])
