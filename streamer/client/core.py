"""The sans-I/O core of the client: what to send, which events to deliver, and whether to reconnect.

It has no sockets, clocks or tasks. The caller passes in the time, and the text frames that arrive.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ..protocol.config import Config
from ..protocol.errors import ConfigInvalid, EmoscopeError, RefusedByServer, UsageError
from ..protocol.events import (
    PROTOCOL,
    AnyEvent,
    Error,
    SessionClosed,
    SessionCreated,
    SessionResumed,
    SessionUpdated,
    Status,
)
from ..protocol.messages import (
    RENEWED,
    RETRIED,
    ClientMessage,
    CloseCode,
    Keepalive,
    SessionResume,
    SessionUpdate,
)
from .acknowledgement import ChannelProgress, ReceiveState
from .client_warnings import audio_dropped, session_lost
from .close_codes import disconnected
from .connection import Connection, Phase
from .decoding import UnknownEvent, decode_event
from .reconnect import Decision, ReconnectPolicy, Stop
from .send_buffer import SendBuffer, send_buffer

KEEPALIVE_INTERVAL_S = 5.0
MAX_UNACKNOWLEDGED = 200  # durable events after which a keepalive is sent at once; the server keeps 1,000
PROGRESS_POLL_S = 0.25  # while the window is full, how often the server is asked for its progress
IDLE_POLL_S = 1.0
SESSION_GONE = ("resume_unknown", "session_expired")


@dataclass
class ClientCore:
    """One client's side of a session, over as many connections as it takes.

    config               requested options; those that differ from the default are sent
    random               returns numbers in [0, 1), for the jitter of the back-off
    reconnect_timeout_s  the session ends after this long without a stable connection and without progress
    furthest             furthest position that any server has processed
    warnings             events that the client itself adds; the caller takes them out
    failure              an error after which the connection must be closed
    error_message        text of the last fatal `error` on this connection
    """

    config: Config
    random: Callable[[], float]
    reconnect_timeout_s: float = 300.0
    connection: Connection = field(default_factory=Connection)
    policy: ReconnectPolicy = field(init=False)
    received: ReceiveState = field(init=False)
    buffer: SendBuffer = field(init=False)
    created: SessionCreated | None = None
    closed: SessionClosed | None = None
    failure: EmoscopeError | None = None
    error_message: str = ""
    furthest: int = 0
    warnings: list[AnyEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.buffer = send_buffer(self.config)
        self.received = self._nothing_received()
        self.policy = ReconnectPolicy(self.random, self.reconnect_timeout_s)

    @property
    def streaming(self) -> bool:
        """The connection is ready for audio."""
        return self.connection.phase is Phase.STREAMING

    # Called by the application.

    def append(self, data: bytes) -> None:
        """Append encoded audio, whole frames."""
        self._refuse_if_finishing()
        self.buffer.append(data)

    def command(self, message: ClientMessage) -> None:
        """Append `flush`, `reset` or `enroll` after all audio so far."""
        self._refuse_if_finishing()
        self.buffer.append_command(message)

    def finish(self) -> None:
        """No more audio follows. May be called more than once."""
        self.buffer.finishing = True

    def seconds(self, position: int) -> float:
        """A position as a time on the session's clock."""
        return (position - self.buffer.origin) / self.config.sample_rate

    def _position(self, seconds: float) -> int:
        """A time on the session's clock as a position."""
        return self.buffer.origin + round(seconds * self.config.sample_rate)

    # Called for the connection.

    def connection_opened(self, now: float) -> None:
        """A websocket is open. The server sends the first message."""
        self.connection = Connection(Phase.GREETING, opened_at=now, received_at=now, keepalive_at=now, tokens_at=now)
        self.error_message = ""

    def next_message(self, now: float) -> bytes | ClientMessage | None:
        """The next message to send; None when there is nothing to send now."""
        connection = self.connection
        if connection.phase is Phase.UPDATING and not connection.request_sent:
            connection.request_sent = True
            return SessionUpdate(config=self._changed_options())
        if connection.phase is Phase.RESUMING and not connection.request_sent and self.created is not None:
            connection.request_sent = True
            token = self.created.resume_token or ""
            return SessionResume(
                session_id=self.created.session_id, resume_token=token, last_seq=self.received.last_seq
            )
        if connection.phase is not Phase.STREAMING or self.closed is not None:
            return None
        interval_s = PROGRESS_POLL_S if self.buffer.blocked else KEEPALIVE_INTERVAL_S
        if now - connection.keepalive_at >= interval_s or self.received.unacknowledged >= MAX_UNACKNOWLEDGED:
            connection.keepalive_at, self.received.unacknowledged = now, 0
            return Keepalive(last_seq=self.received.last_seq)
        if self.buffer.command_due and not connection.take_command_token(now):
            return None
        self.warnings += [audio_dropped(*map(self.seconds, lost)) for lost in self.buffer.take_lost()]
        return self.buffer.next_message()

    def poll_interval_s(self) -> float:
        """When there is nothing to send, how long to wait before asking again, if nothing else happens."""
        return PROGRESS_POLL_S if self.buffer.blocked or self.buffer.command_due else IDLE_POLL_S

    def receive(self, text: str | bytes, now: float) -> list[AnyEvent]:
        """The events that a text frame gives the application: one or none."""
        self.connection.received_at = now
        try:
            event = decode_event(text)
            if isinstance(event, UnknownEvent):
                self.received.accept_seq(event.seq, event.channel)
                return []
            if not self.received.accept(event):
                return []
        except EmoscopeError as error:
            self.failure = error
            return []
        except ValueError as error:
            self.failure = disconnected(CloseCode.BAD_REQUEST, str(error))
            return []
        try:
            return [event] if self._handle(event) else []
        except OverflowError:
            self.failure = disconnected(CloseCode.BAD_REQUEST, f"a number in {event.type} is out of range")
            return []

    def timed_out(self, now: float) -> bool:
        """The connection is open but dead: no message arrives, or the server does not receive what is sent."""
        return self.connection.timed_out(self.buffer.sent, now)

    def connection_closed(self, code: int, reason: str, now: float) -> Decision:
        """The websocket is closed. The code is 1006 when there was no closing handshake."""
        self.policy.connection_closed(now - self.connection.opened_at)
        self.connection = Connection()
        if self.failure is not None:
            return Stop(self.failure)
        if self.closed is not None:
            # All events have arrived, so the way in which the socket closed does not matter.
            complete = self.buffer.finishing or code == CloseCode.DONE
            return Stop() if complete else Stop(disconnected(code, self.error_message))
        if code in RENEWED or (code in RETRIED and self.created is not None and self.created.resume_token is None):
            self._restart_session()
        elif code not in RETRIED:
            return Stop(disconnected(code, self.error_message or reason))
        return self.policy.retry(now, f"the connection was lost (code {code})")

    def connect_failed(
        self, error: EmoscopeError, now: float, *, retryable: bool, min_delay_s: float = 0.0
    ) -> Decision:
        """No websocket could be opened.

        retryable    another attempt may succeed
        min_delay_s  but not before that, if the server sent a Retry-After
        """
        self.connection = Connection()
        if not retryable or not self.policy.session_began:
            return Stop(error)
        return self.policy.retry(now, str(error), min_delay_s, error)

    def _handle(self, event: AnyEvent) -> bool:
        """Update the state; whether the application gets the event."""
        match event:
            case SessionCreated() if self.connection.phase is Phase.GREETING:
                return self._session_created(event)
            case SessionUpdated() if self.connection.phase is Phase.UPDATING:
                self._start_streaming()
            case SessionResumed():
                return self._session_resumed(event)
            case Status():
                connection = self.connection
                position = self._position(event.audio_s)
                connection.server_received(position, self.buffer.sent, connection.received_at)
                processed = int(self.received.processed_s * self.config.sample_rate)
                self.buffer.acknowledge(self.buffer.origin + processed)
                if self.buffer.processed > self.furthest:
                    self.furthest = self.buffer.processed
                    self.policy.progressed()
            case Error():
                return self._handle_error(event)
            case SessionClosed() if self.received.closed:
                self.closed = event
        return True

    def _session_created(self, event: SessionCreated) -> bool:
        if event.protocol != PROTOCOL:
            self.failure = RefusedByServer(f"the server speaks {event.protocol}, this client {PROTOCOL}")
            return False
        self.buffer.apply_limits(event.limits, self.config.sample_rate)
        if self.created is not None:
            self.connection.phase = Phase.RESUMING
            return False
        self.created, self.policy.session_began = event, True
        if self._changed_options():
            self.connection.phase = Phase.UPDATING
        else:
            self._start_streaming()
        return True

    def _session_resumed(self, event: SessionResumed) -> bool:
        if self.connection.phase is not Phase.RESUMING:  # with split channels, each channel sends one
            return False
        position = self._position(event.audio_s)
        if position > self.buffer.head:
            self.failure = disconnected(CloseCode.BAD_REQUEST, "the server has audio that was never sent")
            return False
        self.buffer.resume(position)
        self._start_streaming()
        return True

    def _start_streaming(self) -> None:
        connection = self.connection
        connection.phase = Phase.STREAMING
        connection.server_has, connection.server_has_at = self.buffer.sent, connection.received_at

    def _handle_error(self, event: Error) -> bool:
        if event.fatal:
            self.error_message = event.message
        if self.connection.phase is Phase.UPDATING and not event.fatal:
            self.failure = ConfigInvalid(event.message, event.param)
        elif self.connection.phase is Phase.RESUMING and not event.fatal:
            self.failure = disconnected(CloseCode.BAD_REQUEST, event.message)
        return event.code not in SESSION_GONE  # a `session_lost` warning reports this

    def _restart_session(self) -> None:
        """The server no longer has the session: begin a new one with the audio whose events have not all arrived."""
        if self.created is None:
            return
        buffer = self.buffer
        complete_s = self.received.complete_s(self.config.vad.min_speech_s)
        wanted = buffer.origin + int(complete_s * self.config.sample_rate)
        begin = min(max(wanted, buffer.ring.first), buffer.head)
        if begin > buffer.origin or any(channel.last_seq for channel in self.received.channels):
            # A session without any events or processed audio is not worth a warning.
            self.warnings.append(session_lost(self.seconds(wanted), self.seconds(begin)))
        buffer.restart(begin)
        self.created, self.received = None, self._nothing_received()

    def _changed_options(self) -> dict[str, Any]:
        """The options that differ from the default: a server of another version need not know the others."""
        requested, default = msgspec.to_builtins(self.config), msgspec.to_builtins(Config())
        return {name: value for name, value in requested.items() if value != default[name]}

    def _nothing_received(self) -> ReceiveState:
        split = self.config.channel_mode == "split"
        return ReceiveState([ChannelProgress() for _ in range(self.config.channels if split else 1)])

    def _refuse_if_finishing(self) -> None:
        if self.buffer.finishing:
            raise UsageError("this session is finished; open another client for more audio")
