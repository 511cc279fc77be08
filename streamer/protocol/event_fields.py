"""The parts that events are made of."""

from collections.abc import Sequence
from typing import Literal

import msgspec

TextStatus = Literal["used", "timeout", "off"]
"""Whether a final counts the words of its final transcript pass, or that pass came too late, or there is none."""

PROTOCOL = "emoscope.v1"

NOTICE = (
    "Emotions are being read from this voice by a machine. A reading is a guess about expression, not a fact about "
    "the person."
)


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of audio and its share of the attention; the weights of one reading sum to 1."""

    start: float
    end: float
    weight: float


class SpokenWord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A recognised word. The same type goes from the recognizer to the transcript.

    start, end  seconds of the session's audio; in a result of the recognizer, seconds of the audio that it was given
    p           how sure the recognizer is, 0 to 1
    space       false where the word follows the one before it without a space, as in Chinese or Japanese
    """

    word: str
    start: float
    end: float
    p: float
    space: bool = True


class WeighedWord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A word of a final reading, and its share of the attention; the shares sum to 1. `space` as in `SpokenWord`."""

    word: str
    start: float
    end: float
    weight: float
    space: bool = True


def words_to_text(words: Sequence[SpokenWord | WeighedWord]) -> str:
    """The words as one line of text."""
    return "".join(" " * (word.space and place > 0) + word.word for place, word in enumerate(words))


class Sources(msgspec.Struct, frozen=True, kw_only=True):
    """How much the voice (`audio`) and the words (`text`) counted in a reading; the two sum to 1."""

    audio: float = 1.0
    text: float = 0.0


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """What a reading cost.

    window_s  length of its newest window of audio
    queue_ms  wall time for which its requests waited, milliseconds
    infer_ms  wall time for which the model computed, milliseconds
    """

    window_s: float
    queue_ms: float
    infer_ms: float


class ModelInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The model that makes the readings.

    labels      every label that `scores` holds
    dimensions  names of the attributes in [-1, 1]; empty if the model has none
    languages   that it was trained on
    licence     of its weights
    """

    id: str
    labels: list[str]
    dimensions: list[str]
    languages: list[str]
    licence: str


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a server accepts and keeps.

    max_frame_bytes  longest message, in bytes
    max_frame_s      longest audio in one message
    max_backlog_s    audio of a `realtime` session that may be sent but not processed; older audio is dropped beyond it
    fast_backlog_s   the same of a `fast` session, whose client waits there
    idle_timeout_s   silence of a client, in wall time, after which its connection is closed
    resume_ttl_s     wall time for which a session whose connection was lost can be resumed
    """

    max_frame_bytes: int = 1_048_576
    max_frame_s: float = 10.0
    max_backlog_s: float = 10.0
    fast_backlog_s: float = 60.0
    idle_timeout_s: float = 60.0
    resume_ttl_s: float = 60.0


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Sums over a whole session.

    audio_s     audio accepted
    speech_s    audio in utterances
    utterances  how many there were
    dropped_s   speech that no reading counts
    """

    audio_s: float
    speech_s: float
    utterances: int
    dropped_s: float


class Lag(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds of audio that were accepted and have no reading (`audio`) or no words (`text`) yet."""

    audio: float = 0.0
    text: float = 0.0
