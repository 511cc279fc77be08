"""What a transcript remembers: plain data, saved with its session."""

from dataclasses import dataclass, field

import msgspec
import numpy as np
import numpy.typing as npt

from ...protocol.events import SpokenWord, TextStatus
from .agreement import AgreementState


class PassResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a pass of the recognizer brought.

    words       those that are believed, on the session's clock
    language    that the recognizer was told or detected, and `language_p` how sure it is of a detection
    disbelieved  the recognizer returned words, and none of them is believed
    """

    words: tuple[SpokenWord, ...] = ()
    language: str | None = None
    language_p: float | None = None
    disbelieved: bool = False


@dataclass
class TranscriptPass:
    """One pass of the recognizer over an utterance, planned when sample `due` was reached. Positions are samples.

    id          of its request
    start       of its utterance
    begin, end  of its audio; `begin` is after `start` where the utterance is longer than a pass may be
    entry       of the outbox, for its event
    epoch       how often `reset` was called before it: a language is locked within one epoch
    final       over the whole utterance, which has ended
    audio       (n,) 16-bit samples until its request is issued, which then holds them
    issued      its request has left the session
    answered    its result is there, or it needs none; `result` is None when it was late, dropped or failed
    """

    id: int
    utterance: int
    start: int
    begin: int
    end: int
    due: int
    entry: int
    epoch: int
    final: bool
    audio: npt.NDArray[np.int16] | None
    issued: bool = False
    answered: bool = False
    result: PassResult | None = None


class UtteranceWords(msgspec.Struct, frozen=True, kw_only=True):
    """The words that a reading may count: those that are committed, or all of the utterance after its final pass."""

    utterance: int
    words: tuple[SpokenWord, ...] = ()
    language: str | None = None
    status: TextStatus = "used"


@dataclass
class TranscriptState:
    """What a transcript waits for, and what the passes agreed on.

    passes           not finished yet, in audio order; only the first may finish
    utterance        whose words `agreement` holds
    planned          id and `due` of the passes over the newest utterance that a later reading may count, oldest first
    voiced           samples of speech since the last pass
    language         locked in `locked_epoch` by a confident detection
    epoch            how often `reset` was called
    disbelieved      final passes in a row, under a lock, of which no word was believed
    disabled_reason  why there is no recognizer any more; "" while there is one
    """

    passes: list[TranscriptPass] = field(default_factory=list)
    utterance: int = 0
    agreement: AgreementState = field(default_factory=AgreementState)
    planned: list[tuple[int, int]] = field(default_factory=list)
    voiced: int = 0
    language: str | None = None
    locked_epoch: int = 0
    epoch: int = 0
    disbelieved: int = 0
    disabled_reason: str = ""
