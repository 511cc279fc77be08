"""The events of a session: messages of the websocket, lines of a record, and what the screen draws.

Times are seconds of audio since the session began, unless a field says otherwise. streamer/protocol.md tells in which
order events come; `schema` makes the JSON schema from these types.
"""

from typing import TYPE_CHECKING, ClassVar, Literal

import msgspec

from .config import Config
from .event_fields import NOTICE as NOTICE
from .event_fields import PROTOCOL as PROTOCOL
from .event_fields import Lag as Lag
from .event_fields import Latency as Latency
from .event_fields import Limits as Limits
from .event_fields import ModelInfo as ModelInfo
from .event_fields import Sources as Sources
from .event_fields import Span as Span
from .event_fields import SpokenWord as SpokenWord
from .event_fields import TextStatus as TextStatus
from .event_fields import Totals as Totals
from .event_fields import WeighedWord as WeighedWord
from .event_fields import words_to_text as words_to_text


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Base of all events; `type` names the kind. `channel` is set only where each channel has a session of its own."""

    channel: int | msgspec.UnsetType = msgspec.UNSET

    if TYPE_CHECKING:
        type: ClassVar[str]  # a literal in each event, so that comparing it narrows the union
    else:

        @property
        def type(self) -> str:
            """The event's `type` in JSON."""
            return str(self.__struct_config__.tag)


class SessionCreated(Event, frozen=True, kw_only=True, tag="session.created"):
    """The first event of a session.

    protocol      name and version of the protocol
    server        name and version of the program
    started_at    wall time, ISO 8601 in UTC
    config        the options as they are by default; `session.updated` follows a change
    notice        what people who are recorded must be told
    resume_token  secret that resumes the session after a lost connection; null where there is no server
    source        name of the recording or device, where there is one
    """

    type: ClassVar[Literal["session.created"]]
    session_id: str
    protocol: str
    server: str
    started_at: str
    model: ModelInfo
    config: Config
    limits: Limits
    notice: str
    resume_token: str | None = None
    source: str | None = None


class SessionUpdated(Event, frozen=True, kw_only=True, tag="session.updated"):
    """The answer to `session.update`: every option as it is now in effect."""

    type: ClassVar[Literal["session.updated"]]
    config: Config


class SessionResumed(Event, frozen=True, kw_only=True, tag="session.resumed"):
    """The answer to `session.resume`.

    audio_s   the client sends audio again from here
    next_seq  `seq` of the next new durable event
    """

    type: ClassVar[Literal["session.resumed"]]
    audio_s: float
    next_seq: int


class Durable(Event, frozen=True, kw_only=True):
    """Base of the events that are never dropped. `seq` counts them from 1, and depends on the audio alone."""

    seq: int


class SpeechStarted(Durable, frozen=True, kw_only=True, tag="speech.started"):
    """An utterance began at `start`. Utterances are numbered from 1."""

    type: ClassVar[Literal["speech.started"]]
    utterance: int
    start: float


class SpeechEnded(Durable, frozen=True, kw_only=True, tag="speech.ended"):
    """An utterance ended: after a silence, at its greatest length (`max`), or because the client asked for it."""

    type: ClassVar[Literal["speech.ended"]]
    utterance: int
    start: float
    end: float
    reason: Literal["silence", "max", "flush", "finish"]


class EmotionInterim(Event, frozen=True, kw_only=True, tag="emotion.interim"):
    """The reading of an utterance so far; one with a higher `rev`, or the final, replaces it.

    label       the likeliest label, or `unsure`
    confidence  probability of the likeliest label
    scores      probability of each label, sum 1
    dimensions  value of each attribute, -1 to 1
    derived     whether the dimensions are computed from the scores instead of by a trained part of the model
    segments    windows of audio that were read
    baseline    what the reading is relative to; `off` while nothing is known of the speaker
    """

    type: ClassVar[Literal["emotion.interim"]]
    utterance: int
    rev: int
    start: float
    end: float
    label: str
    confidence: float
    scores: dict[str, float]
    dimensions: dict[str, float]
    derived: bool
    segments: int
    sources: Sources
    attention: list[Span]
    baseline: Literal["off", "running", "enrolled"]
    latency: Latency | None = None


class EmotionFinal(Durable, frozen=True, kw_only=True, tag="emotion.final"):
    """The reading of a whole utterance: exactly one each, the same as if the recording were read at once.

    text   whether the words were counted (`used`), came too late (`timeout`), or are not recognised (`off`)
    words  with the weight of each in the reading

    The other fields are those of `emotion.interim`.
    """

    type: ClassVar[Literal["emotion.final"]]
    utterance: int
    start: float
    end: float
    label: str
    confidence: float
    scores: dict[str, float]
    dimensions: dict[str, float]
    derived: bool
    segments: int
    sources: Sources
    attention: list[Span]
    baseline: Literal["off", "running", "enrolled"]
    text: TextStatus
    words: list[WeighedWord]
    latency: Latency | None = None


class Mood(Durable, frozen=True, kw_only=True, tag="mood"):
    """The reading over all utterances so far, after each final; a moment that is `half_life_s` old counts half."""

    type: ClassVar[Literal["mood"]]
    start: float
    end: float
    half_life_s: float
    label: str
    confidence: float
    scores: dict[str, float]
    dimensions: dict[str, float]


class TranscriptInterim(Event, frozen=True, kw_only=True, tag="transcript.interim"):
    """The words of an utterance so far; later interims keep the first `stable` characters, but a final may not."""

    type: ClassVar[Literal["transcript.interim"]]
    utterance: int
    start: float
    end: float
    text: str
    stable: int


class TranscriptFinal(Durable, frozen=True, kw_only=True, tag="transcript.final"):
    """The words of a whole utterance, exactly one before each `emotion.final` where words are recognised.

    language    spoken language, as "en"; null without words
    language_p  probability of a detected language; null where it was given
    """

    type: ClassVar[Literal["transcript.final"]]
    utterance: int
    start: float
    end: float
    text: str
    stable: int
    language: str | None
    language_p: float | None
    words: list[SpokenWord]


class Status(Event, frozen=True, kw_only=True, tag="status"):
    """Progress, once a second, also in silence.

    audio_s      audio accepted
    processed_s  audio whose events have all been sent and will not be needed again: it acknowledges the audio
    dropped_s    speech that no reading counts
    rtf          real-time factor: computing time divided by audio time
    level_dbfs   level of the newest audio
    """

    type: ClassVar[Literal["status"]]
    audio_s: float
    processed_s: float
    lag_s: Lag
    dropped_s: float
    rtf: float
    level_dbfs: float


class WarningEvent(Event, frozen=True, kw_only=True, tag="warning"):
    """A problem with the audio or the connection; the session goes on.

    start, end  the audio that is concerned, where it is a stretch

    `session_lost` comes from the client, after a session that could not be resumed; all others come from the session.
    """

    type: ClassVar[Literal["warning"]]
    code: Literal[
        "clipping",
        "too_quiet",
        "narrow_band",
        "rate_mismatch",
        "channels_cancel",
        "lagging",
        "audio_dropped",
        "text_disabled",
        "vad_failed",
        "session_lost",
    ]
    message: str
    start: float | None = None
    end: float | None = None


class Error(Event, frozen=True, kw_only=True, tag="error"):
    """A message that was refused, or a failure; a `fatal` one ends the connection. `param` names the field."""

    type: ClassVar[Literal["error"]]
    code: str
    message: str
    fatal: bool
    param: str | None = None


class Enrolled(Event, frozen=True, kw_only=True, tag="enrolled"):
    """The speaker's baseline was learnt from that many seconds of calm speech."""

    type: ClassVar[Literal["enrolled"]]
    seconds: float


class SessionClosed(Durable, frozen=True, kw_only=True, tag="session.closed"):
    """The last event of a session."""

    type: ClassVar[Literal["session.closed"]]
    reason: str
    totals: Totals


AnyEvent = (
    SessionCreated | SessionUpdated | SessionResumed | SpeechStarted | SpeechEnded
    | EmotionInterim | EmotionFinal | Mood | TranscriptInterim | TranscriptFinal
    | Status | WarningEvent | Error | Enrolled | SessionClosed
)  # fmt: skip

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)


def encode(event: Event) -> bytes:
    """One event as a JSON object, without a line break."""
    return _encoder.encode(event)


def decode(line: bytes | str) -> AnyEvent:
    """The event of one JSON object; unknown fields are ignored. msgspec.DecodeError when it is not an event."""
    return _decoder.decode(line)
