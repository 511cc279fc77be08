"""The one event schema: the websocket's messages, the record's lines and what the terminal draws.

Times are seconds on the session's audio clock. `schema` makes the JSON schema out of these types.
Durable events carry `seq`; what the session cannot know (wall time, lag) is filled in at the edge.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from .config import Config

PROTOCOL = "emoscope.v1"

NOTICE = (
    "Emotions are being read from this voice by a machine. A reading is a guess about expression, not a fact about "
    "the person."
)


TextStatus = Literal["used", "timeout", "off"]
"""Whether a final counts the words of its final transcript pass, or that pass came too late, or there is none."""


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of audio and its share of the attention; the weights of a reading sum to 1."""

    start: float
    end: float
    weight: float


class SpokenWord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A word of a transcript, with its probability. `space` is told where none stands before it (Chinese, Japanese)."""

    word: str
    start: float
    end: float
    p: float
    space: bool = True


class WeighedWord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A word and its share of the attention. `space` as in `SpokenWord`."""

    word: str
    start: float
    end: float
    weight: float
    space: bool = True


def words_to_text(words: Sequence[SpokenWord | WeighedWord]) -> str:
    """The words as a line of text."""
    return "".join(" " * (word.space and place > 0) + word.word for place, word in enumerate(words))


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """How much each branch counted; sums to 1."""

    audio: float = 1.0
    text: float = 0.0


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """`window_s` of audio that the newest window spans; wall time waited and computed."""

    window_s: float
    queue_ms: float
    infer_ms: float


class ModelInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The model behind the readings."""

    id: str
    labels: list[str]
    dimensions: list[str]
    languages: list[str]
    licence: str


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a server accepts and keeps.

    max_backlog_s   audio that may be sent and not processed, of a live stream; `fast_backlog_s` of a file
    """

    max_frame_bytes: int = 1_048_576
    max_frame_s: float = 10.0
    max_backlog_s: float = 10.0
    fast_backlog_s: float = 60.0
    idle_timeout_s: float = 60.0
    resume_ttl_s: float = 60.0


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """What a whole session came to."""

    audio_s: float
    speech_s: float
    utterances: int
    dropped_s: float


class Lag(msgspec.Struct, frozen=True, kw_only=True):
    """Audio accepted but not yet read out, by branch."""

    audio: float = 0.0
    text: float = 0.0


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Base of all events; `type` names which. `channel` is there only where each channel is a session of its own."""

    channel: int | msgspec.UnsetType = msgspec.UNSET

    @property
    def type(self) -> str:
        """The name on the wire."""
        return str(self.__struct_config__.tag)


class SessionCreated(Event, frozen=True, kw_only=True, tag="session.created"):
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
    config: Config


class SessionResumed(Event, frozen=True, kw_only=True, tag="session.resumed"):
    audio_s: float
    next_seq: int


class Durable(Event, frozen=True, kw_only=True):
    """Never dropped; `seq` goes up by one each and is a function of the audio alone."""

    seq: int


class SpeechStarted(Durable, frozen=True, kw_only=True, tag="speech.started"):
    utterance: int
    start: float


class SpeechEnded(Durable, frozen=True, kw_only=True, tag="speech.ended"):
    utterance: int
    start: float
    end: float
    reason: Literal["silence", "max", "flush", "finish"]


class EmotionInterim(Event, frozen=True, kw_only=True, tag="emotion.interim"):
    """What the utterance sounds like so far; a later `rev`, or the final, replaces it."""

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
    """The utterance's answer; exactly one each, equal to the offline one."""

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
    """The rolling reading over utterances: a moment `half_life_s` ago counts half."""

    start: float
    end: float
    half_life_s: float
    label: str
    confidence: float
    scores: dict[str, float]
    dimensions: dict[str, float]


class TranscriptInterim(Event, frozen=True, kw_only=True, tag="transcript.interim"):
    """No later interim changes the first `stable` characters of `text`; the final alone can."""

    utterance: int
    start: float
    end: float
    text: str
    stable: int


class TranscriptFinal(Durable, frozen=True, kw_only=True, tag="transcript.final"):
    utterance: int
    start: float
    end: float
    text: str
    stable: int
    language: str | None
    language_p: float | None
    words: list[SpokenWord]


class Status(Event, frozen=True, kw_only=True, tag="status"):
    """Each second, silence included. `processed_s` acknowledges audio."""

    audio_s: float
    processed_s: float
    lag_s: Lag
    dropped_s: float
    rtf: float
    level_dbfs: float


class WarningEvent(Event, frozen=True, kw_only=True, tag="warning"):
    """Something to know about the input or the way. `session_lost` is a client's own, never a server's."""

    code: Literal[
        "clipping",
        "too_quiet",
        "narrow_band",
        "rate_mismatch",
        "lagging",
        "audio_dropped",
        "text_disabled",
        "session_lost",
    ]
    message: str
    start: float | None = None
    end: float | None = None


class Error(Event, frozen=True, kw_only=True, tag="error"):
    code: str
    message: str
    fatal: bool
    param: str | None = None


class Enrolled(Event, frozen=True, kw_only=True, tag="enrolled"):
    seconds: float


class SessionClosed(Durable, frozen=True, kw_only=True, tag="session.closed"):
    """The last event of a session."""

    reason: str
    totals: Totals


AnyEvent = (
    SessionCreated
    | SessionUpdated
    | SessionResumed
    | SpeechStarted
    | SpeechEnded
    | EmotionInterim
    | EmotionFinal
    | Mood
    | TranscriptInterim
    | TranscriptFinal
    | Status
    | WarningEvent
    | Error
    | Enrolled
    | SessionClosed
)

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)


def encode(event: Event) -> bytes:
    """One event as a JSON object, no line end."""
    return _encoder.encode(event)


def decode(line: bytes | str) -> AnyEvent:
    """The event of one line; msgspec.DecodeError if it is none. Unknown fields are ignored."""
    return _decoder.decode(line)
