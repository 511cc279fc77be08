"""What a session asks of the outside, and what comes back. Each request gets exactly one result."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from emoscope.models.pool_state import PoolState
from emoscope.models.reading import Reading
from emoscope.models.speaker import SpeakerProfile
from emoscope.models.windows import Window

from .transcript.hypothesis import Hypothesis


@dataclass(frozen=True)
class Encode:
    """Encode one window.

    audio    (lookback + window.end - window.start,) samples in [-1, 1]; silence where nothing was heard yet
    """

    id: int
    window: Window
    audio: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Read:
    """Read a pooled state, after `seconds` of the utterance, with the words that were said.

    speaker    what is known of the speaker, None where nothing is
    learn      the reading is to say what the utterance teaches about the speaker
    language   of the words, None where it is not known
    certainty  how sure the recognizer is of them, 0 to 1
    """

    id: int
    state: PoolState
    seconds: float
    speaker: SpeakerProfile | None = None
    learn: bool = False
    words: tuple[str, ...] = ()
    language: str | None = None
    certainty: float = 0.0


@dataclass(frozen=True)
class Transcribe:
    """Say which words `audio` holds.

    begin     its first sample on the session's clock
    due       when the session knew that it wants it; later than the audio's end where a silence had to prove it
    final     the whole utterance, which is over; else the utterance so far
    language  told or locked; None asks for a detection
    audio     (n,) 16-bit samples at 16 kHz
    """

    id: int
    utterance: int
    begin: int
    due: int
    final: bool
    language: str | None
    audio: npt.NDArray[np.int16]


Request = Encode | Read | Transcribe


@dataclass(frozen=True)
class Summary:
    """What a window leaves behind.

    state   pooled over its owned frames, without batch axis
    scores  (T, G)  attention scores of its owned frames
    """

    state: PoolState
    scores: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Done:
    """The value, and the wall time it took at the edge."""

    id: int
    value: Summary | Reading | Hypothesis
    queue_ms: float = 0.0
    infer_ms: float = 0.0


@dataclass(frozen=True)
class Dropped:
    """Given up because of a backlog."""

    id: int


@dataclass(frozen=True)
class Late:
    """Not there by the deadline."""

    id: int


@dataclass(frozen=True)
class Failed:
    """The backend broke; `message` says how."""

    id: int
    message: str


Result = Done | Dropped | Late | Failed

Engine = Callable[[Sequence[Request]], list[Result]]
"""Anything that answers requests, one result each, in any order."""


def with_words(engine: Engine, recognizer: Engine) -> Engine:
    """One engine out of two: a model for windows and readings, a recognizer for `Transcribe`."""

    def answer(requests: Sequence[Request]) -> list[Result]:
        spoken = [request for request in requests if isinstance(request, Transcribe)]
        others = [request for request in requests if not isinstance(request, Transcribe)]
        return [*(engine(others) if others else []), *(recognizer(spoken) if spoken else [])]

    return answer
