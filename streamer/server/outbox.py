"""Events that wait for a slow client: durable ones in order, and only the newest of those that replace each other."""

from collections import OrderedDict
from collections.abc import Callable

from ..protocol.events import EmotionInterim, Event, Status, TranscriptInterim

FULL_BYTES = 64 * 1024  # with so many unsent bytes in the transport, events wait in the outbox
MAX_BYTES = 4 * 1024 * 1024

Replaceable = EmotionInterim | TranscriptInterim | Status
"""Events that a newer one of the same type and channel makes obsolete."""


class Outbox:
    """Sends while the transport has room; keeps and coalesces events while it has none.

    send      hands one message to the transport
    unsent    bytes that the transport still holds
    """

    def __init__(self, send: Callable[[bytes], None], unsent: Callable[[], int]) -> None:
        self._send, self._unsent = send, unsent
        self._lasting: list[bytes] = []  # not a deque, which takes 760 bytes while it is empty, as it mostly is
        self._lasting_bytes = 0
        self._replaceable: OrderedDict[tuple[str, int | None], bytes] = OrderedDict()
        self._sent_bytes, self._read_bytes = 0, 0
        self._read_at: float | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing waits here."""
        return not self._lasting and not self._replaceable

    @property
    def overfull(self) -> bool:
        """Whether too much waits: events here, or in the transport, where the library puts pongs by itself."""
        return max(self._lasting_bytes, self._unsent()) > MAX_BYTES

    def push(self, event: Event | None, data: bytes) -> None:
        """Send one event, or keep it; `event` says whether a newer one will replace it."""
        if self.empty and self._unsent() < FULL_BYTES:
            self._hand_over(data)
        elif isinstance(event, Replaceable):
            channel = event.channel if isinstance(event.channel, int) else None
            self._replaceable.pop((event.type, channel), None)
            self._replaceable[event.type, channel] = data
        else:
            # Replaceable events that wait are older than this one: an interim after its final would be a step back.
            self._replaceable.clear()
            self._lasting.append(data)
            self._lasting_bytes += len(data)

    def pump(self) -> None:
        """Send what the transport has room for by now."""
        while self._lasting and self._unsent() < FULL_BYTES:
            data = self._lasting.pop(0)
            self._lasting_bytes -= len(data)
            self._hand_over(data)
        while not self._lasting and self._replaceable and self._unsent() < FULL_BYTES:
            self._hand_over(self._replaceable.popitem(last=False)[1])

    def stuck_s(self, now: float) -> float:
        """For how long the client has read nothing although bytes wait; to be asked about once a second."""
        unsent = self._unsent()
        read = self._sent_bytes - unsent
        if unsent == 0 or read > self._read_bytes or self._read_at is None:
            self._read_bytes, self._read_at = max(read, self._read_bytes), now
        return now - self._read_at

    def _hand_over(self, data: bytes) -> None:
        self._sent_bytes += len(data) + header_bytes(len(data))
        self._send(data)


def header_bytes(payload: int) -> int:
    """Length of a server's frame header in bytes (RFC 6455, section 5.2)."""
    return 2 if payload < 126 else 4 if payload < 65_536 else 10
