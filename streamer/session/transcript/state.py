"""What a rolling transcript remembers: plain data, saved whole with its session."""

from dataclasses import dataclass, field
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from ...protocol.events import SpokenWord
from .agreement import AgreementState
from .hypothesis import Hypothesis

How = Literal["used", "timeout", "off"]


@dataclass
class Pass:
    """One pass of a recognizer, planned when sample `due` was reached.

    start   of its utterance, sample
    begin   of `audio`, sample; after `start` where the utterance is longer than a pass may be
    slot    its event's place in the outbox
    epoch   resets before it: a language is locked within one epoch
    issued  a request for it has left the session
    audio   (n,) 16-bit samples, what every recognizer takes; let go when it is answered and settled
    answer  what came back, if `answered`; None when it was late or dropped
    """

    id: int
    utterance: int
    start: int
    begin: int
    due: int
    slot: int
    epoch: int
    final: bool
    audio: npt.NDArray[np.int16]
    issued: bool = False
    answered: bool = False
    answer: Hypothesis | None = None

    @property
    def end(self) -> int:
        """Sample after its last."""
        return self.begin + len(self.audio)


class Spoken(msgspec.Struct, frozen=True, kw_only=True):
    """The words that a reading may count: settled so far, or all of the utterance after its last pass."""

    utterance: int
    words: tuple[SpokenWord, ...] = ()
    language: str | None = None
    how: How = "used"


@dataclass
class TranscriptState:
    """What waits, and what was agreed on.

    passes      not yet settled, in audio order; only the first may be settled
    utterance   whose words `agreement` holds
    planned     id and `due` of the newest utterance's passes, oldest first; those that no reading can want are gone
    voiced      samples of speech since the last pass
    language    locked in `locked_epoch` on a confident detection
    doubted     finals in a row, under a lock, of which nothing was believed
    off         why there are no words any more; "" while there are
    """

    passes: list[Pass] = field(default_factory=list)
    utterance: int = 0
    agreement: AgreementState = field(default_factory=AgreementState)
    planned: list[tuple[int, int]] = field(default_factory=list)
    voiced: int = 0
    language: str | None = None
    locked_epoch: int = 0
    epoch: int = 0
    doubted: int = 0
    off: str = ""
