"""The client without sockets, clocks or tasks: what to send, what to hand on, what to do when a connection ends."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ..protocol.audio import bytes_per_sample
from ..protocol.config import Config
from ..protocol.errors import ConfigInvalid, EmoscopeError, RefusedByServer, UsageError
from ..protocol.events import (
    PROTOCOL,
    AnyEvent,
    Error,
    Limits,
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
from .backoff import SETTLED_S, Backoff
from .decisions import Decision, Retry, Stop, disconnected
from .incoming import Unknown, read
from .link import Link, Phase
from .notices import audio_dropped, session_lost
from .outgoing import Outgoing
from .received import Channel, Received
from .ring import AudioRing

KEEPALIVE_S = 5.0
UNACKNOWLEDGED = 200  # durable events after which they are acknowledged at once; the server keeps 1,000
DEAF_S = 15.0  # each keepalive is answered: a server that says nothing for so long is not there any more
WINDOW = 0.75  # of the backlog that the server allows
PIECE_S = {"realtime": 0.1, "fast": 0.5}
PIECE_BYTES = 262_144
ASK_S = 0.25  # while there is no room to send, how often the server is asked how far it is
FIRST_TRIES = 3  # before there ever was a session
EXPIRED = ("resume_unknown", "session_expired")


@dataclass
class Core:
    """One client's side of a session, over as many connections as it takes.

    config     asked for; what differs from the default is sent
    chance     gives numbers in [0, 1), for the back-off
    give_up_s  without a good connection, or one that brings us on, for so long, it is over
    furthest   position up to which audio was ever answered
    notices    events that the client itself has to tell; whoever calls takes them out
    """

    config: Config
    chance: Callable[[], float]
    give_up_s: float = 300.0
    link: Link = field(default_factory=Link)
    backoff: Backoff = field(default_factory=Backoff)
    received: Received = field(init=False)
    out: Outgoing = field(init=False)
    created: SessionCreated | None = None
    begun: bool = False
    closed: SessionClosed | None = None
    fault: EmoscopeError | None = None
    said: str = ""
    lost_since: float | None = None
    furthest: int = 0
    notices: list[AnyEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        config = self.config
        frame = bytes_per_sample(config.encoding) * config.channels
        quiet = 0xFF if config.encoding == "mulaw" else 0
        piece = max(1, min(round(PIECE_S[config.pace] * config.sample_rate), PIECE_BYTES // frame))
        patient = config.pace == "fast"
        self.out = Outgoing(AudioRing(frame, 1, quiet), window=1, piece=piece, patient=patient)
        self.received = self._nothing_received()
        self._fit(Limits())

    @property
    def streaming(self) -> bool:
        """Audio is on its way."""
        return self.link.phase is Phase.STREAMING

    # The caller's side.

    def append(self, data: bytes) -> None:
        """Encoded audio, whole frames."""
        self._refuse_if_finishing()
        self.out.append(data)

    def command(self, message: ClientMessage) -> None:
        """`flush`, `reset` or `enroll`, after all audio so far."""
        self._refuse_if_finishing()
        self.out.command(message)

    def finish(self) -> None:
        """No more audio. May be said more than once."""
        self.out.finishing = True

    def seconds(self, position: int) -> float:
        """A position on the session's clock."""
        return (position - self.out.origin) / self.config.sample_rate

    def _position(self, seconds: float) -> int:
        """A time on the session's clock as a position."""
        return self.out.origin + round(seconds * self.config.sample_rate)

    # The connection's side.

    def opened(self, now: float) -> None:
        """A socket is open; the server speaks first."""
        self.link = Link(Phase.GREETING, opened=now, heard=now, kept_alive=now, counted=now)
        self.said = ""

    def next(self, now: float) -> bytes | ClientMessage | None:
        """The next message for the socket, or nothing for now."""
        link = self.link
        if link.phase is Phase.UPDATING and not link.asked:
            link.asked = True
            return SessionUpdate(config=self._options())
        if link.phase is Phase.RESUMING and not link.asked and self.created is not None:
            link.asked = True
            token = self.created.resume_token or ""
            return SessionResume(
                session_id=self.created.session_id, resume_token=token, last_seq=self.received.last_seq
            )
        if link.phase is not Phase.STREAMING or self.closed is not None:
            return None
        every_s = ASK_S if self.out.held_up else KEEPALIVE_S
        if now - link.kept_alive >= every_s or self.received.fresh >= UNACKNOWLEDGED:
            link.kept_alive, self.received.fresh = now, 0
            return Keepalive(last_seq=self.received.last_seq)
        if self.out.commands_due and not link.may_command(now):
            return None
        if (lost := self.out.lost()) is not None:
            self.notices.append(audio_dropped(*map(self.seconds, lost)))
        return self.out.next()

    def look_s(self) -> float:
        """When there is nothing to send, how long to wait before asking again, if nothing else happens."""
        return ASK_S if self.out.held_up or self.out.commands_due else 1.0

    def receive(self, text: str | bytes, now: float) -> list[AnyEvent]:
        """The events that a text frame brings to the caller: one, or none."""
        self.link.heard = now
        try:
            event = read(text)
            if isinstance(event, Unknown):
                self.received.number(event.seq, event.channel)
                return []
            if not self.received.accept(event):
                return []
        except (EmoscopeError, ValueError) as error:
            self.fault = error if isinstance(error, EmoscopeError) else disconnected(CloseCode.BAD_REQUEST, str(error))
            return []
        try:
            return [event] if self._take(event) else []
        except OverflowError:
            self.fault = disconnected(CloseCode.BAD_REQUEST, f"a number in {event.type} is out of all range")
            return []

    def deaf(self, now: float) -> bool:
        """The connection is open, but leads nowhere: the server says nothing, or does not hear what we say."""
        link = self.link
        unheard = self.streaming and self.out.sent > link.reached and now - link.reached_at > DEAF_S
        return link.phase is not Phase.OFFLINE and (unheard or now - link.heard > DEAF_S)

    def ended(self, code: int, reason: str, now: float) -> Decision:
        """The socket is closed: 1006 when nobody said goodbye."""
        open_s = now - self.link.opened
        self.link = Link()
        self.backoff.lasted(open_s)
        if open_s >= SETTLED_S:
            self.lost_since = None
        if self.fault is not None:
            return Stop(self.fault)
        if self.closed is not None:
            # Whatever else happened to the socket then, all that there is to come has come.
            return Stop() if self.out.finishing or code == CloseCode.DONE else Stop(disconnected(code, self.said))
        if code in RENEWED or (code in RETRIED and self.created is not None and self.created.resume_token is None):
            self._renew()
        elif code not in RETRIED:
            return Stop(disconnected(code, self.said or reason))
        return self._again(now, f"the connection was lost (code {code})")

    def failed(self, error: EmoscopeError, now: float, *, passing: bool, wait_s: float = 0.0) -> Decision:
        """No socket came about. `passing`: it may, later; not before `wait_s`, if the server said so."""
        self.link = Link()
        if not passing or not self.begun:
            return Stop(error)
        return self._again(now, str(error), wait_s, error)

    def _again(self, now: float, why: str, wait_s: float = 0.0, error: EmoscopeError | None = None) -> Decision:
        self.lost_since = now if self.lost_since is None else self.lost_since
        if not self.begun and self.backoff.tries >= FIRST_TRIES:
            return Stop(
                RefusedByServer(f"{why} {FIRST_TRIES + 1} times before a session began; is it an emoscope server?")
            )
        if now - self.lost_since > self.give_up_s:
            return Stop(error or disconnected(1006, f"no connection for {self.give_up_s:.0f} s"))
        return Retry(max(self.backoff.delay_s(self.chance()), wait_s), why)

    def _take(self, event: AnyEvent) -> bool:
        """Let an event change what we know; whether the caller gets it."""
        match event:
            case SessionCreated() if self.link.phase is Phase.GREETING:
                return self._created(event)
            case SessionUpdated() if self.link.phase is Phase.UPDATING:
                self._stream()
            case SessionResumed():
                if self.link.phase is not Phase.RESUMING:  # with split channels each says so
                    return False
                if self._position(event.audio_s) > self.out.head:
                    self.fault = disconnected(CloseCode.BAD_REQUEST, "the server has audio that was never sent")
                    return False
                self.out.resume(self._position(event.audio_s))
                self._stream()
            case Status():
                self.link.reach(self._position(event.audio_s), self.out.sent, self.link.heard)
                self.out.acknowledge(self.out.origin + int(self.received.processed_s * self.config.sample_rate))
                if self.out.processed > self.furthest:
                    self.furthest, self.lost_since = self.out.processed, None
            case Error():
                return self._error(event)
            case SessionClosed() if self.received.closed:
                self.closed = event
        return True

    def _created(self, event: SessionCreated) -> bool:
        if event.protocol != PROTOCOL:
            self.fault = RefusedByServer(f"the server speaks {event.protocol}, this client {PROTOCOL}")
            return False
        self._fit(event.limits)
        if self.created is not None:
            self.link.phase = Phase.RESUMING
            return False
        self.created, self.begun = event, True
        if self._options():
            self.link.phase = Phase.UPDATING
        else:
            self._stream()
        return True

    def _stream(self) -> None:
        self.link.phase = Phase.STREAMING
        self.link.reached, self.link.reached_at = self.out.sent, self.link.heard

    def _error(self, event: Error) -> bool:
        if event.fatal:
            self.said = event.message
        if self.link.phase is Phase.UPDATING and not event.fatal:
            self.fault = ConfigInvalid(event.message, event.param)
        elif self.link.phase is Phase.RESUMING and not event.fatal:
            self.fault = disconnected(CloseCode.BAD_REQUEST, event.message)
        return event.code not in EXPIRED  # that a new session had to begin is told in words of our own

    def _renew(self) -> None:
        """The server knows our session no more: begin another with the audio that was not answered, and say so."""
        if self.created is None:
            return
        out = self.out
        wanted = out.origin + int(self.received.settled_s(self.config.vad.min_speech_s) * self.config.sample_rate)
        begin = min(max(wanted, out.ring.first), out.head)
        if begin > out.origin or any(channel.last_seq for channel in self.received.channels):
            # Else it had brought nothing yet, and nothing of it is missed.
            self.notices.append(session_lost(self.seconds(wanted), self.seconds(begin)))
        out.renew(begin)
        self.created, self.received = None, self._nothing_received()

    def _fit(self, limits: Limits) -> None:
        """Ring and window to what this server keeps."""
        rate, out = self.config.sample_rate, self.out
        backlog_s = limits.fast_backlog_s if out.patient else limits.max_backlog_s
        out.window = max(out.piece, round(WINDOW * backlog_s * rate))
        out.ring.capacity = max(out.ring.capacity, round((limits.resume_ttl_s + backlog_s) * rate))

    def _options(self) -> dict[str, Any]:
        """What differs from the default: a server of another version need not know the rest."""
        asked, usual = msgspec.to_builtins(self.config), msgspec.to_builtins(Config())
        return {name: value for name, value in asked.items() if value != usual[name]}

    def _nothing_received(self) -> Received:
        split = self.config.channel_mode == "split"
        return Received([Channel() for _ in range(self.config.channels if split else 1)])

    def _refuse_if_finishing(self) -> None:
        if self.out.finishing:
            raise UsageError("this session is finished; open another client for more audio")
