"""Which readings of a session are exported, and which stretch of audio each of them covers."""

import heapq
from collections.abc import Iterator

from ..protocol.events import AnyEvent, EmotionFinal, EmotionInterim, Event, SessionClosed, SpeechStarted

Reading = EmotionFinal | EmotionInterim


def channel_of(event: Event) -> int | None:
    """The channel of an event; None where all channels are one session."""
    return event.channel if isinstance(event.channel, int) else None


class Stretches:
    """Chooses the readings: finals, and with `frames` interims too, which cover what came since the one before."""

    def __init__(self, frames: bool) -> None:
        self._frames = frames
        self._from: dict[int | None, float] = {}
        self.start = 0.0
        """Where the stretch of the newest reading begins, in seconds."""

    def reading(self, event: AnyEvent) -> Reading | None:
        """The event, if it is a reading that is exported; None otherwise."""
        channel = channel_of(event)
        if isinstance(event, SpeechStarted):
            self._from.pop(channel, None)
        if isinstance(event, EmotionInterim) and self._frames:
            self.start = self._from.get(channel, event.start)
            self._from[channel] = event.end
            return event
        if isinstance(event, EmotionFinal):
            self.start = self._from.pop(channel, event.start)
            return event
        return None


class Chronological:
    """Orders the events of several channels by the beginning of what they tell of.

    A reading waits until no channel is in an utterance that began before it.
    """

    def __init__(self) -> None:
        self._open: dict[int, float] = {}
        self._waiting: list[tuple[float, int, AnyEvent]] = []
        self._count = 0

    def take(self, event: AnyEvent) -> Iterator[AnyEvent]:
        """What can leave after one more event."""
        channel = channel_of(event)
        if channel is None:
            yield event
            return
        if isinstance(event, SpeechStarted):
            self._open[channel] = event.start
        if isinstance(event, EmotionFinal):
            self._open.pop(channel, None)
        if isinstance(event, EmotionFinal | EmotionInterim):
            self._count += 1
            heapq.heappush(self._waiting, (_start(event), self._count, event))
        elif isinstance(event, SessionClosed):
            self._open.pop(channel, None)
            yield from self._ready()
            yield event
        else:
            yield event
        yield from self._ready()

    def _ready(self) -> Iterator[AnyEvent]:
        until = min(self._open.values(), default=float("inf"))
        while self._waiting and self._waiting[0][0] <= until:
            yield heapq.heappop(self._waiting)[2]


def _start(event: Reading) -> float:
    return event.start if isinstance(event, EmotionFinal) else event.end
