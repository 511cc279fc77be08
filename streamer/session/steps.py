"""The steps that an assembly has planned and not taken yet: plain data, saved with the session."""

from dataclasses import dataclass, field

import msgspec

from emoscope.models.windows import Window

from .requests import Summary
from .transcript.state import UtteranceWords


class BeginUtterance(msgspec.Struct, tag=True):
    """An utterance begins at sample `start`, with an empty pool."""

    utterance: int
    start: int


class MergeWindow(msgspec.Struct, tag=True):
    """The parts that request `encode` brings are merged into the utterance's pool."""

    encode: int
    window: Window


class ReadingDue(msgspec.Struct, tag=True):
    """A reading of the utterance up to sample `end` is due.

    entry       the outbox entry that it completes
    encode      the request for the last window of the reading; None when the pool holds every frame already
    window      that window: merged into the pool for a final; for an interim all parts but the last are, and the last
                into a copy
    words_from  id of the transcript pass whose words the reading counts; None without any
    mood_entry  of a final: the outbox entry of the mood after it; None for an interim
    skipped     an interim that nobody gets: every part of its window is merged into the pool
    """

    entry: int
    end: int
    encode: int | None
    window: Window | None
    words_from: int | None
    mood_entry: int | None = None
    skipped: bool = False

    @property
    def final(self) -> bool:
        """True for the reading that closes an utterance."""
        return self.mood_entry is not None


class ForgetSpeaker(msgspec.Struct, tag=True):
    """`reset`: mood and baseline start afresh."""


class EnrollSpeaker(msgspec.Struct, tag=True):
    """The next `samples` of speech become the speaker's baseline."""

    samples: int


class CloseSession(msgspec.Struct, tag=True):
    """The session is over after `audio` samples; `session.closed` completes outbox entry `entry`."""

    entry: int
    audio: int


Step = BeginUtterance | MergeWindow | ReadingDue | ForgetSpeaker | EnrollSpeaker | CloseSession


@dataclass
class EncodedWindow:
    """The result of a request to encode; `summary` is None when it was dropped, late or failed."""

    summary: Summary | None
    queue_ms: float = 0.0
    infer_ms: float = 0.0


@dataclass
class AssemblyState:
    """What an assembly waits for, and where it is.

    steps      in audio order; only the first may be taken
    encoded    results of windows whose step was not taken yet, by request id
    words      what each transcript pass came to, by its id, while a reading may still count it
    utterance  number of the current utterance; its first sample is `start`
    rev        interims of it so far
    speech     samples of all utterances that are over
    """

    steps: list[Step] = field(default_factory=list)
    encoded: dict[int, EncodedWindow] = field(default_factory=dict)
    words: dict[int, UtteranceWords] = field(default_factory=dict)
    utterance: int = 0
    start: int = 0
    rev: int = 0
    speech: int = 0
