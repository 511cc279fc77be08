"""What leaves on a client's connection: events, refusals, and the error that ends it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ..protocol.events import AnyEvent, Durable, Error
from ..protocol.messages import FATAL, CloseCode
from .checkpoint_writer import CheckpointWriter
from .client_session import ChannelSession, ClientSession
from .client_socket import ClientSocket
from .context import ServerContext
from .event_sender import EventSender
from .phase import Phase
from .session_runner import Events


class Outgoing:
    """The sending half of a `Connection`, which sets `session` and its checkpoint writer.

    phase    what the connection is doing; nothing is sent once it is closing
    session  the client's session, whose events are sent
    faulted  whether the server failed in it, which may have left the session half changed
    """

    session: ClientSession
    faulted = False
    _writer: CheckpointWriter

    def __init__(self, socket: ClientSocket, context: ServerContext) -> None:
        self.socket, self._context = socket, context
        self.phase = Phase.GREETING
        self._sender = EventSender(socket, context.metrics)

    # --- events

    def _send(self, events: Events) -> None:
        """What the session brought; then close the connection if the session is over."""
        durable = False
        for channel, event in events:
            if isinstance(event, Error) and event.fatal:
                self.end(event.code, event.message)
                return
            self._emit(channel, event)
            durable = durable or isinstance(event, Durable)
        if durable:
            self._writer.request(self._context.clock())
        if not self.session.closed:
            return
        if self.phase is Phase.DRAINING:
            self.end("shutting_down", "the server is going down; the session was read out")
        else:
            self.close(CloseCode.DONE, "finished")

    def _emit(self, channel: ChannelSession | None, event: AnyEvent, *, publish: bool = True) -> None:
        event = self.session.tag(channel, event)
        data = self.session.encode(channel, event)
        if data is not None and self.phase is not Phase.CLOSING:
            self._deliver(event, data)
            if publish:
                self._context.feeds.publish(self.session.id, event, data)

    def _deliver(self, event: AnyEvent, data: bytes) -> None:
        self._sender.send(event, data, self._context.clock())

    def _refuse(self, code: str, message: str, param: str | None = None) -> None:
        """A message was refused; the session continues."""
        self._emit(None, Error(code=code, message=message, fatal=False, param=param))

    def _report_status(self) -> None:
        if self.phase not in (Phase.CLOSING, Phase.RESUMING):
            self._emit(None, self.session.status())

    # --- the end

    def end(self, code: str, message: str, close_code: int | None = None, *, publish: bool = True) -> None:
        """Report a fatal error and close the connection. `publish`: the session's observers are told the error too."""
        if self.phase is Phase.CLOSING:
            return
        self._context.log.info("ending", session=self.session.id, code=code)
        self._emit(None, Error(code=code, message=message, fatal=True), publish=publish)
        self.close(FATAL[code] if close_code is None else close_code, code)

    def close(self, code: int, reason: str) -> None:
        """Send what waits in the outbox, then close; what the client does not read in time is discarded."""
        self.phase = Phase.CLOSING
        self._writer.stop()
        self._sender.close(code, reason)

    def abort(self) -> None:
        """Drop the connection without a word: not even its end could be told."""
        self.phase = Phase.CLOSING
        self._writer.stop()
        self.socket.abort()

    async def wait_closed(self) -> None:
        """Until the closing handshake is over, where `close` was called."""
        await self._sender.wait_closed()

    @contextmanager
    def isolate_faults(self) -> Iterator[None]:
        """A fault of the server in this session ends this connection, and disturbs no other."""
        try:
            yield
        except Exception:
            self.faulted = True
            try:
                self._report_fault()
            except Exception:  # such as no memory for the report
                with suppress(Exception):
                    self._context.log.broke("fault", session=self.session.id)
                self.abort()

    def _report_fault(self) -> None:
        self.session.failures += 1
        self._context.log.broke("fault", session=self.session.id)
        self._context.metrics.errors.labels("fault").inc()
        self.end("model_failed", "the server failed in this session; it can be resumed")
