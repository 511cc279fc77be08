"""What an assembly has still to do, and what it remembers: plain data, saved whole."""

from dataclasses import dataclass, field
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from emoscope.models.pool_state import PoolState
from emoscope.models.windows import Window

from ..protocol.events import AnyEvent
from .baseline import BaselineState, Mode
from .requests import Summary
from .transcript.state import Spoken


class Begin(msgspec.Struct, tag=True):
    """An utterance begins: the pool is emptied."""

    utterance: int
    start: int


class Merge(msgspec.Struct, tag=True):
    """The summary that request `encode` brings is merged for good."""

    encode: int
    window: Window


class Show(msgspec.Struct, tag=True):
    """A reading is due at sample `end`.

    The window of request `encode`, if any, is merged into a copy, or for good when it closes the utterance. The words
    of pass `text` are counted, if any. A final's mood goes to the slot after `slot`.
    """

    slot: int
    end: int
    encode: int | None
    window: Window | None
    final: bool
    text: int | None = None


class Forget(msgspec.Struct, tag=True):
    """`reset`: mood and baseline start afresh."""


class Enrol(msgspec.Struct, tag=True):
    """The next `samples` of speech become the voice's baseline."""

    samples: int


class Close(msgspec.Struct, tag=True):
    """The session is over after `audio` samples."""

    slot: int
    audio: int


Step = Begin | Merge | Show | Forget | Enrol | Close


@dataclass
class Draft:
    """An event that waits for its reading. `attention` holds (start, end, share), `window` a length; samples.

    spoken  the words that it counts, None without a transcript
    shares  of the attention of the frames under each word, sum 1 or 0
    """

    kind: Literal["interim", "final", "mood"]
    utterance: int
    rev: int
    start: int
    end: int
    segments: int
    attention: list[tuple[int, int, float]]
    window: int
    queue_ms: float
    infer_ms: float
    spoken: Spoken | None = None
    shares: list[float] = field(default_factory=list)
    baseline: Mode = "off"


@dataclass
class Slot:
    """A place in the outbox: the event, or what it will be made of.

    loose  interims behind it may leave before it: words so far must not hold a reading up
    """

    id: int
    event: AnyEvent | None = None
    draft: Draft | None = None
    cancelled: bool = False
    loose: bool = False


@dataclass
class Weighed:
    """Attention scores (T, G) of the frames that one window owns, the first of them at sample `start`."""

    start: int
    scores: npt.NDArray[np.float32]


@dataclass
class Answer:
    """A window's result that waits for its step; `summary` None was dropped."""

    summary: Summary | None
    queue_ms: float
    infer_ms: float


@dataclass
class AssemblyState:
    """What waits, and what was pooled.

    steps      not yet taken, in audio order; only the first may be taken
    slots      the outbox, in audio order; only the first may leave
    reads      slot that each unanswered reading fills, by request id
    answers    windows answered before their step came, by request id
    spoken     what the passes of the recognizer came to, by request id, until the utterance's final is made
    pool       of the current utterance, from the steps taken
    weighed    its attention scores; bounded by the longest utterance
    baseline   what is known of the voice
    mood       the rolling state, as of the window centre `mood_at`
    """

    next_slot: int = 0
    next_seq: int = 1
    next_request: int = 1
    steps: list[Step] = field(default_factory=list)
    slots: list[Slot] = field(default_factory=list)
    reads: dict[int, int] = field(default_factory=dict)
    answers: dict[int, Answer] = field(default_factory=dict)
    spoken: dict[int, Spoken] = field(default_factory=dict)
    utterance: int = 0
    start: int = 0
    rev: int = 0
    segments: int = 0
    pool: PoolState | None = None
    weighed: list[Weighed] = field(default_factory=list)
    mood: PoolState | None = None
    mood_at: float = 0.0
    mood_start: int = 0
    baseline: BaselineState = field(default_factory=BaselineState)
    speech: int = 0
    dropped: int = 0
