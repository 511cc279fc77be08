"""Sends events to one client, measures what it sends, and closes the connection when everything was sent."""

import asyncio
from bisect import bisect_left
from collections.abc import Callable

from ..protocol.events import AnyEvent, EmotionInterim, Error, WarningEvent
from .client_socket import ClientSocket
from .metrics import Metrics
from .outbox import Outbox

FLUSH_TIMEOUT_S = 2.0  # for events that wait when the connection is closed
HANDSHAKE_TIMEOUT_S = 2.0  # for a client whose buffers are full
POLL_S = 0.05

MAX_CHUNKS = 128  # of audio whose arrival times are kept


class ArrivalTimes:
    """The newest chunks of one session's audio.

    observe  takes the lag of each reading, in seconds
    """

    def __init__(self, observe: Callable[[float], None]) -> None:
        self._observe = observe
        self._chunks: list[tuple[float, float]] = []

    def audio_arrived(self, audio_s: float, now: float) -> None:
        """A chunk came that ends at `audio_s`."""
        self._chunks.append((audio_s, now))
        if len(self._chunks) > MAX_CHUNKS:
            del self._chunks[0]

    def reading_sent(self, end: float, now: float) -> None:
        """A reading up to `end` is sent; its lag counts from the arrival of the chunk that completed it."""
        if self._chunks:
            place = bisect_left(self._chunks, end, key=lambda item: item[0])
            self._observe(max(0.0, now - self._chunks[min(place, len(self._chunks) - 1)][1]))


class EventSender:
    """Events leave through the outbox, which holds them while the client does not read."""

    def __init__(self, socket: ClientSocket, metrics: Metrics) -> None:
        self.outbox = Outbox(socket.post, lambda: socket.unsent_bytes)
        self._socket, self._metrics = socket, metrics
        self._arrival_times = ArrivalTimes(metrics.lag.observe)
        self._closing: asyncio.Task[None] | None = None

    def audio_arrived(self, audio_s: float, now: float) -> None:
        """A chunk of audio came that ends at `audio_s`: the lag of its readings counts from `now`."""
        self._arrival_times.audio_arrived(audio_s, now)

    def send(self, event: AnyEvent, data: bytes, now: float) -> None:
        """Send an event, encoded as `data`."""
        self.count(event, now)
        self.outbox.push(event, data)

    def count(self, event: AnyEvent, now: float) -> None:
        """Measure an event."""
        self._metrics.events.labels(event.type).inc()
        match event:
            case EmotionInterim(end=end):
                self._arrival_times.reading_sent(end, now)
            case Error(code=code):
                self._metrics.errors.labels(code).inc()
            case WarningEvent(code="audio_dropped", start=float(start), end=float(end)):
                self._metrics.dropped.inc(end - start)

    def send_again(self, data: bytes) -> None:
        """Send a durable event that was counted when it was sent first."""
        self.outbox.push(None, data)

    def close(self, code: int, reason: str) -> None:
        """Send what waits in the outbox, then close; what the client does not read in time is discarded."""
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._flush_and_close(code, reason))

    async def wait_closed(self) -> None:
        """Until the closing handshake is over, where `close` was called."""
        if self._closing is not None:
            await self._closing

    async def _flush_and_close(self, code: int, reason: str) -> None:
        try:
            await self._flush()
            await self._socket.close(code, reason)
        except Exception:  # nobody would close it later
            self._socket.abort()
            raise

    async def _flush(self) -> None:
        for _ in range(round(FLUSH_TIMEOUT_S / POLL_S)):
            self.outbox.pump()
            if self.outbox.empty or not self._socket.is_open:
                break
            await asyncio.sleep(POLL_S)
        if self._socket.unsent_bytes:  # its closing handshake would wait for ever
            asyncio.get_running_loop().call_later(HANDSHAKE_TIMEOUT_S, self._socket.abort)
