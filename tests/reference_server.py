"""A server of the protocol without sockets, threads or a model: what it says is a plain function of what it heard.

It stands for the other side in tests of the client's core. It can fall back to an older stored state, as another server
does that takes a session over.
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

EVERY = 7  # frames of audio bring an event
RATE = 8_000


@dataclass(frozen=True)
class Heard:
    """All that a session is."""

    audio: bytes = b""
    cut: int = 0
    finished: bool = False
    events: tuple[Any, ...] = ()  # all of them durable

    def _say(self, event: Durable) -> "Heard":
        return replace(self, events=(*self.events, event))

    @property
    def seq(self) -> int:
        return len(self.events) + 1

    def hear(self, data: bytes) -> "Heard":
        now = self
        for byte in data:
            now = replace(now, audio=now.audio + bytes([byte]))
            if len(now.audio) % EVERY == 0:
                now = now._say(SpeechStarted(seq=now.seq, utterance=sum(now.audio), start=len(now.audio) / RATE))
        return now

    def flush(self) -> "Heard":
        at = len(self.audio)
        if at == self.cut:
            return self
        event = SpeechEnded(seq=self.seq, utterance=sum(self.audio), start=self.cut / RATE, end=at / RATE,
                            reason="flush")  # fmt: skip
        return replace(self._say(event), cut=at)

    def finish(self) -> "Heard":
        if self.finished:
            return self
        totals = Totals(audio_s=len(self.audio) / RATE, speech_s=0.0, utterances=0, dropped_s=0.0)
        return replace(self._say(SessionClosed(seq=self.seq, reason="finish", totals=totals)), finished=True)


@dataclass
class ReferenceServer:
    """`outbox` holds what was said on the connection that is open; `take` hears a client's message.

    suppresses  leaves out what a resuming client has already, as it should; a client must bear that it does not
    """

    limits: Limits = field(default_factory=Limits)
    suppresses: bool = True
    id: str = ""
    now: Heard = field(default_factory=Heard)
    stored: Heard = field(default_factory=Heard)
    others: dict[str, tuple[Heard, Heard]] = field(default_factory=dict)
    made: int = 0
    seen: int = 0
    live: bool = False
    greeted: bool = False
    begun: bool = False
    outbox: list[AnyEvent] = field(default_factory=list)
    forgotten: list[bytes] = field(default_factory=list)

    def connect(self) -> None:
        """A socket: a new session greets it."""
        if self.id and self.begun:  # a session that heard nothing is not kept
            self.others[self.id] = self.now, self.stored
        self.begun = False
        self.made += 1
        self.id, self.now, self.stored, self.seen = f"s{self.made}", Heard(), Heard(), 0
        self.outbox, self.live, self.greeted = [], True, True
        info = ModelInfo(id="fake", labels=[], dimensions=[], languages=[], licence="")
        self.outbox.append(
            SessionCreated(
                session_id=self.id, resume_token="t", protocol=PROTOCOL, server="reference", started_at="",
                model=info, config=Config(), limits=self.limits, notice=NOTICE,
            )
        )  # fmt: skip

    def drop(self, *, back: bool) -> None:
        """The connection is gone; `back`: what was not stored is too."""
        self.live = False
        if back:
            self.now = self.stored

    def forget(self) -> None:
        """All sessions have expired."""
        assert not self.live
        if self.begun:
            self.forgotten.append(self.now.audio)
        self.id, self.now, self.stored, self.others = "", Heard(), Heard(), {}

    def store(self) -> None:
        self.stored = self.now
        at = len(self.now.audio) / RATE
        if self.live and not self.greeted:
            self.outbox.append(
                Status(audio_s=at, processed_s=at, lag_s=Lag(), dropped_s=0.0, rtf=0.0, level_dbfs=-120.0)
            )

    def take(self, message: object) -> int | None:
        """Hear a message; a close code when that ends the connection."""
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
                self.now = self.now.hear(message)
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

    def say(self) -> bytes:
        return encode(self.outbox.pop(0))
