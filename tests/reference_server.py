"""A server of the protocol without sockets, threads or a model: its events are a pure function of the audio received.

It is the peer in tests of the client's core. It can return to an older stored state, like another server that resumes
the session.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from emoscope.streamer.protocol.config import Config
from emoscope.streamer.protocol.events import (
    NOTICE,
    PROTOCOL,
    AnyEvent,
    Durable,
    Error,
    Lag,
    Limits,
    ModelInfo,
    SessionClosed,
    SessionCreated,
    SessionResumed,
    SpeechEnded,
    SpeechStarted,
    Status,
    Totals,
    encode,
)
from emoscope.streamer.protocol.messages import Finish, Flush, Keepalive, SessionResume

FRAMES_PER_EVENT = 7
RATE = 16_000


@dataclass(frozen=True)
class SessionState:
    """The whole state of a session."""

    audio: bytes = b""
    cut: int = 0
    finished: bool = False
    events: tuple[Any, ...] = ()  # all of them durable

    def _with_event(self, event: Durable) -> "SessionState":
        return replace(self, events=(*self.events, event))

    @property
    def seq(self) -> int:
        return len(self.events) + 1

    def receive_audio(self, data: bytes) -> "SessionState":
        now = self
        for byte in data:
            now = replace(now, audio=now.audio + bytes([byte]))
            if len(now.audio) % FRAMES_PER_EVENT == 0:
                now = now._with_event(SpeechStarted(seq=now.seq, utterance=sum(now.audio), start=len(now.audio) / RATE))
        return now

    def flush(self) -> "SessionState":
        at = len(self.audio)
        if at == self.cut:
            return self
        event = SpeechEnded(seq=self.seq, utterance=sum(self.audio), start=self.cut / RATE, end=at / RATE,
                            reason="flush")  # fmt: skip
        return replace(self._with_event(event), cut=at)

    def finish(self) -> "SessionState":
        if self.finished:
            return self
        totals = Totals(audio_s=len(self.audio) / RATE, speech_s=0.0, utterances=0, dropped_s=0.0)
        return replace(self._with_event(SessionClosed(seq=self.seq, reason="finish", totals=totals)), finished=True)


@dataclass
class ReferenceServer:
    """`receive` handles a client's message; `outbox` holds the events for the open connection.

    suppresses  events that a resuming client already has are not sent, as the protocol requires; a client must also
                work with a server that sends them
    """

    limits: Limits = field(default_factory=Limits)
    suppresses: bool = True
    id: str = ""
    now: SessionState = field(default_factory=SessionState)
    stored: SessionState = field(default_factory=SessionState)
    others: dict[str, tuple[SessionState, SessionState]] = field(default_factory=dict)
    made: int = 0
    seen: int = 0
    live: bool = False
    greeted: bool = False
    begun: bool = False
    outbox: list[AnyEvent] = field(default_factory=list)
    forgotten: list[bytes] = field(default_factory=list)

    def connect(self) -> None:
        """Open a connection: a new session sends `session.created`."""
        if self.id and self.begun:  # a session without audio is not kept
            self.others[self.id] = self.now, self.stored
        self.begun = False
        self.made += 1
        self.id, self.now, self.stored, self.seen = f"s{self.made}", SessionState(), SessionState(), 0
        self.outbox, self.live, self.greeted = [], True, True
        info = ModelInfo(id="fake", labels=[], dimensions=[], languages=[], licence="")
        self.outbox.append(
            SessionCreated(
                session_id=self.id, resume_token="t", protocol=PROTOCOL, server="reference", started_at="",
                model=info, config=Config(), limits=self.limits, notice=NOTICE,
            )
        )  # fmt: skip

    def drop(self, *, back: bool) -> None:
        """Close the connection; `back`: the session returns to its stored state."""
        self.live = False
        if back:
            self.now = self.stored

    def forget(self) -> None:
        """Expire all sessions."""
        assert not self.live
        if self.begun:
            self.forgotten.append(self.now.audio)
        self.id, self.now, self.stored, self.others = "", SessionState(), SessionState(), {}

    def store(self) -> None:
        self.stored = self.now
        at = len(self.now.audio) / RATE
        if self.live and not self.greeted:
            self.outbox.append(
                Status(audio_s=at, processed_s=at, lag_s=Lag(), dropped_s=0.0, rtf=0.0, level_dbfs=-120.0)
            )

    def receive(self, message: object) -> int | None:
        """Handle a message; a close code when it ends the connection."""
        if isinstance(message, SessionResume):
            assert self.greeted, "session.resume comes first"
            self.greeted = False
            if message.session_id not in self.others:
                self.id = ""
                self.outbox.append(Error(code="resume_unknown", message="no such session", fatal=True))
                return 4404
            assert isinstance(message.last_seq, int)
            self.id = message.session_id
            self.now, self.stored = self.others.pop(self.id)
            self.begun = True
            self.seen = message.last_seq if self.suppresses else 0
            self.outbox.append(SessionResumed(audio_s=len(self.now.audio) / RATE, next_seq=self.now.seq))
            self.outbox += [event for event in self.now.events if event.seq > self.seen]
            return 1000 if self.now.finished else None
        self.greeted, self.begun = False, True
        before = len(self.now.events)
        match message:
            case bytes():
                assert not self.now.finished, "audio after finish"
                self.now = self.now.receive_audio(message)
            case Flush():
                self.now = self.now.flush()
            case Finish():
                self.now = self.now.finish()
            case Keepalive():
                assert isinstance(message.last_seq, int) and message.last_seq < self.now.seq
            case _:
                raise AssertionError(message)
        self.outbox += [event for event in self.now.events[before:] if event.seq > self.seen]
        return 1000 if self.now.finished else None

    def next_event(self) -> bytes:
        """The oldest event in the outbox, encoded."""
        return encode(self.outbox.pop(0))
