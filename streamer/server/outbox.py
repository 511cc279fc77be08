"""What waits for a slow socket: durable events in order, and only the newest of what replaces itself."""

from collections import OrderedDict, deque
from collections.abc import Callable

from ..protocol.events import EmotionInterim, Event, Status, TranscriptInterim

FULL_BYTES = 64 * 1024  # unsent bytes in the transport, past which events wait here
MOST_BYTES = 4 * 1024 * 1024


class Outbox:
    """Sends while the transport takes it, keeps and coalesces while it does not.

    send      hands one message to the transport
    unsent    bytes that the transport still holds
    """

    def __init__(self, send: Callable[[bytes], None], unsent: Callable[[], int]) -> None:
        self._send, self._unsent = send, unsent
        self._firm: deque[bytes] = deque()
        self._newest: OrderedDict[tuple[str, int | None], bytes] = OrderedDict()
        self._firm_bytes = 0
        self._sent, self._taken = 0, 0
        self._taken_at: float | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing waits here."""
        return not self._firm and not self._newest

    @property
    def overfull(self) -> bool:
        """Whether more waits than may: events here, or in the transport what the library answers by itself (pongs)."""
        return max(self._firm_bytes, self._unsent()) > MOST_BYTES

    def push(self, event: Event | None, data: bytes) -> None:
        """One event; `event` says whether a newer one will replace it."""
        if self.empty and self._unsent() < FULL_BYTES:
            self._hand_on(data)
        elif isinstance(event, EmotionInterim | TranscriptInterim | Status):
            channel = event.channel if isinstance(event.channel, int) else None
            self._newest.pop((event.type, channel), None)
            self._newest[(event.type, channel)] = data
        else:
            # What was replaceable came before: an interim after its final would be a step back.
            self._newest.clear()
            self._firm.append(data)
            self._firm_bytes += len(data)

    def pump(self) -> None:
        """Send what the transport takes by now."""
        while self._firm and self._unsent() < FULL_BYTES:
            data = self._firm.popleft()
            self._firm_bytes -= len(data)
            self._hand_on(data)
        while not self._firm and self._newest and self._unsent() < FULL_BYTES:
            self._hand_on(self._newest.popitem(last=False)[1])

    def stuck_s(self, now: float) -> float:
        """For how long the transport has held bytes and taken none; to be asked about once a second."""
        unsent = self._unsent()
        taken = self._sent - unsent
        if unsent == 0 or taken > self._taken or self._taken_at is None:
            self._taken, self._taken_at = max(taken, self._taken), now
        return now - self._taken_at

    def _hand_on(self, data: bytes) -> None:
        self._sent += len(data) + header_bytes(len(data))
        self._send(data)


def header_bytes(payload: int) -> int:
    """Length of a server's frame header (RFC 6455, section 5.2)."""
    return 2 if payload < 126 else 4 if payload < 65_536 else 10
