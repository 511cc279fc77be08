"""What a picture tells of one session: its utterances with all that was answered, its moods and its levels."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ...protocol.events import Mood, Span, WeighedWord

ROUNDING_S = 1e-6  # times are rounded in events


@dataclass(frozen=True)
class Reading:
    """What was answered once the audio up to `at_s` had been heard."""

    at_s: float
    label: str
    confidence: float
    scores: dict[str, float]
    dimensions: dict[str, float]


@dataclass
class Utterance:
    """One utterance.

    end        of the newest audio that an event told of; exact once the utterance ended
    interims   the readings while it went on, in order
    final      the reading of the whole; None where the record breaks off before it
    attention  spans of the final, whose weights sum to 1; [] without a final
    derived    whether the dimensions are computed from the scores
    """

    number: int
    start: float
    end: float
    interims: list[Reading] = field(default_factory=list)
    final: Reading | None = None
    attention: list[Span] = field(default_factory=list)
    words: list[WeighedWord] = field(default_factory=list)
    derived: bool = False

    @property
    def readings(self) -> list[Reading]:
        """All that was answered, in order, the final last."""
        return [*self.interims, *([self.final] if self.final is not None else [])]


@dataclass(frozen=True)
class Answer:
    """The newest answer when `seconds` of an utterance had been heard; `reading` is None where there was none yet."""

    seconds: int
    reading: Reading | None


@dataclass
class Story:
    """One session, or one channel of one: everything that is drawn of it.

    source      name of the recording or device
    session     1 for the first session in a record; more follow where a connection was lost
    channel     its channel where each has a session of its own
    levels      (end in seconds, dBFS), one a second
    audio_s     the length of its audio, as far as events tell
    closed      whether the session was ended properly
    transcribed whether words were recognised
    """

    source: str = ""
    model: str = ""
    labels: tuple[str, ...] = ()
    session: int = 1
    channel: int | None = None
    utterances: list[Utterance] = field(default_factory=list)
    moods: list[Mood] = field(default_factory=list)
    levels: list[tuple[float, float]] = field(default_factory=list)
    audio_s: float = 0.0
    speech_s: float | None = None
    dropped_s: float = 0.0
    closed: bool = False
    transcribed: bool = False

    @property
    def finals(self) -> list[tuple[Utterance, Reading]]:
        """The utterances that have a final, with it."""
        return [(one, one.final) for one in self.utterances if one.final is not None]

    @property
    def name(self) -> str:
        """The source, with the session's number and the channel where there are several."""
        parts = [self.source or "?"]
        if self.session > 1:
            parts.append(f"session {self.session}")
        if self.channel is not None:
            parts.append(f"channel {self.channel}")
        return ", ".join(parts)

    @property
    def has_words(self) -> bool:
        """Whether any word was recognised."""
        return any(one.words for one in self.utterances)

    @property
    def has_plane(self) -> bool:
        """Whether the model reads arousal and valence."""
        return any("arousal" in r.dimensions and "valence" in r.dimensions for _, r in self.finals)

    def between(self, start: float, end: float) -> list[Utterance]:
        """The utterances of which a part lies between two times."""
        return [one for one in self.utterances if one.start < end and one.end > start]


def answers(utterance: Utterance) -> list[Answer]:
    """What the answer was after each whole second of an utterance: the newest reading that had been made by then."""
    found = []
    for seconds in range(1, int(utterance.end - utterance.start + ROUNDING_S) + 1):
        until = utterance.start + seconds + ROUNDING_S
        heard = [reading for reading in utterance.readings if reading.at_s <= until]
        found.append(Answer(seconds, heard[-1] if heard else None))
    return found


def attention_rates(spans: Sequence[Span]) -> list[float]:
    """Weight a second of each span, as a share of the largest: the last span may be shorter than the others."""
    rates = [span.weight / max(1e-3, span.end - span.start) for span in spans]
    top = max(rates, default=0.0) or 1.0
    return [rate / top for rate in rates]


def mood_runs(moods: Sequence[Mood], until: float) -> list[tuple[str, float, float]]:
    """(label, start, end) of the mood: from when it was known until it was another one, at last until `until`."""
    runs: list[tuple[str, float, float]] = []
    for mood, end in zip(moods, [*(following.end for following in moods[1:]), until], strict=False):
        if runs and runs[-1][0] == mood.label:
            runs[-1] = (mood.label, runs[-1][1], end)
        else:
            runs.append((mood.label, mood.end, end))
    return runs


def rows(story: Story, start: float, end: float, longest_s: float) -> list[tuple[float, float]]:
    """The stretch from `start` to `end` in rows that follow each other, each at most `longest_s` long.

    A row ends in the pause before an utterance that would be cut, unless more than half of the row would be left blank.
    There are as few rows as that allows, of about one length.
    """
    fewest = _cut(story, start, end, longest_s)
    length = (end - start) / len(fewest)
    while length < longest_s:
        if len(even := _cut(story, start, end, length)) == len(fewest):
            return even
        length *= 1.05
    return fewest


def _cut(story: Story, start: float, end: float, length: float) -> list[tuple[float, float]]:
    found = []
    while end - start > length + ROUNDING_S:
        edge = start + length
        for before, one in zip([None, *story.utterances], story.utterances, strict=False):
            if start + length / 2 < one.start < edge < one.end:
                edge = one.start if before is None else (max(start, min(before.end, one.start)) + one.start) / 2
                break
        found.append((start, edge))
        start = edge
    return [*found, (start, end)]
