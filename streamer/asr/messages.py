"""The messages between a program and a recognizer's process."""

import msgspec
import numpy as np
import numpy.typing as npt

from ..session.transcript.hypothesis import Hypothesis
from ..worker import Messages

MAX_MESSAGE_BYTES = 64 * 2**20  # more than any utterance: two minutes of audio take 4 MB


class LoadRequest(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The first message: which backend to load, and with which model. `fetch` allows a download."""

    backend: str
    model: str
    device: str
    threads: int
    fetch: bool


class RecognizerLoaded(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The recognizer is loaded. `languages` is empty if it recognises any."""

    name: str
    languages: tuple[str, ...]


class TranscribeRequest(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """One pass. `audio` (n,): 16-bit samples at 16 kHz; `language`: None to detect it; `final`: a whole utterance."""

    audio: npt.NDArray[np.int16]
    language: str | None
    final: bool


class TranscribeResponse(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What was recognised in a pass and the wall time it took, or why it failed."""

    hypothesis: Hypothesis | None = None
    failure: str = ""
    infer_ms: float = 0.0


MESSAGES = Messages(
    load=LoadRequest,
    loaded=RecognizerLoaded,
    request=TranscribeRequest,
    response=TranscribeResponse,
    max_bytes=MAX_MESSAGE_BYTES,
)
