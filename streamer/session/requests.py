"""What a session requests, and the results that answer it. Each request gets exactly one result."""

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

    audio      (lookback + window.end - window.start,) samples in [-1, 1]; zeros before the recording began
    voice      a name that no other session has, and `utterance`, which of its utterances this is: an engine may keep
               what it made of earlier windows, so that each frame is made once. "" where nothing should be kept
    """

    id: int
    window: Window
    audio: npt.NDArray[np.float32]
    voice: str = ""
    utterance: int = 0


@dataclass(frozen=True)
class Read:
    """Compute the reading of a pooled state after `seconds` of the utterance, with the words that were recognised.

    speaker    what is known of the speaker, None where nothing is
    learn      the reading is to say what the utterance teaches about the speaker
    language   of the words, None where it is not known
    certainty  how sure the recognizer is of them, 0 to 1
    text       the words as one line, joined as their language joins them
    """

    id: int
    state: PoolState
    seconds: float
    speaker: SpeakerProfile | None = None
    learn: bool = False
    words: tuple[str, ...] = ()
    language: str | None = None
    certainty: float = 0.0
    text: str = ""


@dataclass(frozen=True)
class Transcribe:
    """Recognise the words of `audio`.

    begin     its first sample on the session's clock
    due       sample at which the pass was planned; after the end of the audio where a silence had to be waited for
    final     the whole utterance, which is over; else the utterance so far
    language  configured or locked; None asks the recognizer to detect it
    audio     (n,) 16-bit samples at 16 kHz
    """

    id: int
    utterance: int
    begin: int
    due: int
    final: bool
    language: str | None
    audio: npt.NDArray[np.int16]


@dataclass(frozen=True)
class DetectVoice:
    """Say how probable a voice is in each chunk of `audio`.

    audio    (64 + 512 k,) samples in [-1, 1] at 16 kHz: 64 of context, then k chunks
    network  (2, 128) the detector's memory of the chunks before
    """

    id: int
    audio: npt.NDArray[np.float32]
    network: npt.NDArray[np.float32]


Request = Encode | Read | Transcribe | DetectVoice


@dataclass(frozen=True)
class Summary:
    """The result of encoding a window.

    states  one for each of its parts (`models.windows.parts`), pooled over the frames of it, without batch axis
    scores  (T, G)  attention scores of its owned frames
    """

    states: list[PoolState]
    scores: npt.NDArray[np.float32]

    @property
    def state(self) -> PoolState:
        """The state of the last part, which is the only one where nothing is divided."""
        return self.states[-1]


@dataclass(frozen=True)
class VoiceProbabilities:
    """Probability of a voice in each chunk, and the detector's memory (2, 128) after the last."""

    probabilities: list[float]
    network: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Done:
    """The value, and for how long the request waited and was computed, in milliseconds of wall time."""

    id: int
    value: Summary | Reading | Hypothesis | VoiceProbabilities
    queue_ms: float = 0.0
    infer_ms: float = 0.0


@dataclass(frozen=True)
class Dropped:
    """The request was dropped, because too many were queued."""

    id: int


@dataclass(frozen=True)
class Late:
    """The request timed out."""

    id: int


@dataclass(frozen=True)
class Failed:
    """The model, the recognizer or the voice detector failed; `message` says how.

    detector  only the voice detector failed, which a session can do without; the engine itself is well
    """

    id: int
    message: str
    detector: bool = False


Result = Done | Dropped | Late | Failed

Engine = Callable[[Sequence[Request]], list[Result]]
"""Anything that answers requests, one result each, in any order."""


def answered(engine: Engine, requests: Sequence[Request]) -> list[Result]:
    """The engine's results, and `Failed` for each request that it gave none for: a session waits for each result.

    An engine that was made for windows and readings alone may raise where it is asked for a voice, or leave that out.
    """
    detections = [request for request in requests if isinstance(request, DetectVoice)]
    others = [request for request in requests if not isinstance(request, DetectVoice)]
    results: list[Result] = []
    if detections:
        try:
            results += engine(detections)
        except Exception as error:  # whatever it raises, the session goes on without the detector
            message = f"{type(error).__name__}: {error}"
            results = [Failed(request.id, message, detector=True) for request in detections]
    return complete(requests, [*results, *(engine(others) if others else [])])


def complete(requests: Sequence[Request], results: list[Result]) -> list[Result]:
    """`results`, and `Failed` for each request that has none among them."""
    given = {result.id for result in results}
    missing = [request for request in requests if request.id not in given]
    return [*results, *map(_left_out, missing)]


def _left_out(request: Request) -> Failed:
    message = f"the engine gave no result for {type(request).__name__}"
    return Failed(request.id, message, detector=isinstance(request, DetectVoice))


def with_words(engine: Engine, recognizer: Engine) -> Engine:
    """One engine made of two: a model for windows and readings, a recognizer for `Transcribe`."""

    def answer(requests: Sequence[Request]) -> list[Result]:
        spoken = [request for request in requests if isinstance(request, Transcribe)]
        others = [request for request in requests if not isinstance(request, Transcribe)]
        return [*(engine(others) if others else []), *(recognizer(spoken) if spoken else [])]

    return answer
