"""What a session comes to: how much was said, which emotions were read in it, and its strongest moments."""

from collections.abc import Iterable
from dataclasses import dataclass

from emoscope.models.reading import CALM_LIKE, UNSURE

from ...protocol.events import words_to_text
from ...sinks.spoken import Spoken
from .story import Reading, Story

MOMENTS = 3


@dataclass(frozen=True)
class Moment:
    """A final that claims an emotion. `words` is "" where none were recognised."""

    start: float
    end: float
    label: str
    confidence: float
    words: str


@dataclass(frozen=True)
class Totals:
    """One session, or one channel of it, in numbers.

    record      the file that it was read from
    source      the recording or the device
    speech_s    audio in utterances
    unread      utterances without a final, where the record breaks off
    shares      of the speech that a label was read of, by the seconds of its utterances; they sum to 1 where there are
                finals; the largest first
    arousal, valence  means over the speech with a final; None where the model reads none
    moments     the most confident finals, `unsure` and what claims no emotion left out; in the order of confidence
    whole       whether the session was closed
    """

    record: str
    source: str
    session: int
    channel: int | None
    model: str
    audio_s: float
    speech_s: float
    utterances: int
    unread: int
    dropped_s: float
    shares: dict[str, float]
    arousal: float | None
    valence: float | None
    moments: list[Moment]
    whole: bool

    @property
    def unsure(self) -> float:
        """The share of the speech of which no label was read."""
        return self.shares.get(UNSURE, 0.0)

    @property
    def name(self) -> str:
        """The record, with the session and the channel where there are several."""
        parts = [self.record]
        if self.session > 1:
            parts.append(f"session {self.session}")
        if self.channel is not None:
            parts.append(f"channel {self.channel}")
        return ", ".join(parts)


def totals(story: Story, record: str) -> Totals:
    """The numbers of one session."""
    finals = story.finals
    lasting = [(one.end - one.start, reading) for one, reading in finals]
    spoken = Spoken()
    for seconds, reading in lasting:
        spoken.add(reading.label, seconds)
    claims = [(one, reading) for one, reading in finals if reading.label not in (*CALM_LIKE, UNSURE)]
    claims.sort(key=lambda item: -item[1].confidence)
    speech = sum(one.end - one.start for one in story.utterances)
    return Totals(
        record=record,
        source=story.source,
        session=story.session,
        channel=story.channel,
        model=story.model,
        audio_s=story.audio_s,
        speech_s=speech if story.speech_s is None else story.speech_s,
        utterances=len(story.utterances),
        unread=len(story.utterances) - len(finals),
        dropped_s=story.dropped_s,
        shares=spoken.shares,
        arousal=_mean(lasting, "arousal"),
        valence=_mean(lasting, "valence"),
        moments=[
            Moment(one.start, one.end, reading.label, reading.confidence, words_to_text(one.words))
            for one, reading in claims[:MOMENTS]
        ],
        whole=story.closed,
    )


def _mean(lasting: Iterable[tuple[float, Reading]], dimension: str) -> float | None:
    values = [
        (seconds, reading.dimensions[dimension]) for seconds, reading in lasting if dimension in reading.dimensions
    ]
    whole = sum(seconds for seconds, _ in values)
    return sum(seconds * value for seconds, value in values) / whole if whole else None
