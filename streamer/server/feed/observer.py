"""One observer of a session: a socket that listens, and whose slowness disturbs nobody."""

from ...protocol.events import AnyEvent, Error, encode
from ...protocol.messages import FATAL, CloseCode
from ..client_socket import ClientSocket
from ..event_sender import EventSender
from ..metrics import Metrics
from ..sockets import read_messages


class Observer:
    """Gets what the session's owner gets, but can send nothing.

    over  whether its socket is being closed
    """

    def __init__(self, socket: ClientSocket, metrics: Metrics) -> None:
        self._socket, self._metrics = socket, metrics
        self._sender = EventSender(socket, metrics)
        self.over = False

    def send(self, event: AnyEvent, data: bytes) -> None:
        """Send one event, or keep it while the observer does not read."""
        if not self.over:
            self._sender.outbox.push(event, data)

    async def run(self) -> None:
        """Until its socket is closed, by whichever side. An observer that sends anything is closed."""
        async for _ in read_messages(self._socket):
            self.close(CloseCode.BAD_REQUEST, "an observer only listens")
        await self._sender.wait_closed()

    def pump(self) -> None:
        """Send what has room by now; to be called many times a second."""
        self._sender.outbox.pump()

    def check(self, now: float, slow_s: float) -> None:
        """Drop the observer when it has read nothing for `slow_s`; to be called once a second."""
        outbox = self._sender.outbox
        if not self.over and (outbox.stuck_s(now) > slow_s or outbox.overfull):
            self._metrics.observers_dropped.inc()
            code, message = "slow_consumer", f"events were not read for {slow_s:g} s"
            error = Error(code=code, message=message, fatal=True)
            self.send(error, encode(error))
            self.close(FATAL[code], code)

    def close(self, code: int, reason: str) -> None:
        """Send what waits, as far as it is read in time, then close."""
        self.over = True
        self._sender.close(code, reason)
