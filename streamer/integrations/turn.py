"""What was read of a voice since it was asked for the last time: one reading for the turn, and its utterances."""

from collections import deque
from dataclasses import dataclass
from typing import Any

from ..protocol.describe import describe
from ..protocol.events import AnyEvent, EmotionFinal, EmotionInterim, SpeechStarted

MOST = 32  # utterances that are kept while nobody asks

Summary = dict[str, Any]


@dataclass
class _Utterance:
    """An utterance that was begun. `told`: somebody has asked since, and got what was known of it then."""

    number: int
    first: EmotionInterim | None = None
    reading: EmotionInterim | EmotionFinal | None = None
    told: bool = False

    @property
    def length_s(self) -> float:
        return 0.0 if self.reading is None else self.reading.end - self.reading.start

    @property
    def final(self) -> bool:
        return isinstance(self.reading, EmotionFinal)


class Turn:
    """Takes the events of one session, in order."""

    def __init__(self) -> None:
        self._utterances: deque[_Utterance] = deque(maxlen=MOST)

    @property
    def newest(self) -> int:
        """The number of the utterance that was begun last; 0 before the first."""
        return self._utterances[-1].number if self._utterances else 0

    def open(self, upto: int | None = None) -> bool:
        """Whether an utterance was begun that has no final yet; of those up to a number."""
        return any(not one.final for one in self._known(upto))

    def accept(self, event: AnyEvent) -> None:
        """Note what an event says of the turn."""
        if isinstance(event, SpeechStarted):
            self._utterances.append(_Utterance(event.utterance))
        elif isinstance(event, EmotionInterim | EmotionFinal):
            one = next((one for one in self._utterances if one.number == event.utterance), None)
            if one is None:  # so many utterances came since that it was let go
                return
            if one.first is None and isinstance(event, EmotionInterim):
                one.first = event
            one.reading = event

    def restart(self) -> None:
        """Another session begins: the utterances of this one get no more readings."""
        self._utterances = deque((one for one in self._utterances if one.final), maxlen=MOST)
        for one in self._utterances:
            one.number = 0  # the next session counts from 1 again

    def _known(self, upto: int | None) -> list[_Utterance]:
        return [one for one in self._utterances if upto is None or one.number <= upto]

    def look(self, upto: int | None = None) -> Summary | None:
        """The turn so far, as `take` gives it; it goes on."""
        read = [one for one in self._known(upto) if one.reading is not None]
        # What was told before its end counts again only where nothing newer was said.
        fresh = [one for one in read if not one.told] or read
        if not fresh:
            return None
        main = max(fresh, key=lambda one: one.length_s)
        reading = main.reading
        assert reading is not None
        return {
            "label": reading.label,
            "confidence": reading.confidence,
            "scores": dict(reading.scores),
            "dimensions": dict(reading.dimensions),
            "start": reading.start,
            "end": reading.end,
            "final": main.final,
            "description": describe(reading, main.first),
            "utterances": [_row(one) for one in read],
        }

    def take(self, upto: int | None = None) -> Summary | None:
        """The reading of the longest utterance since the last call, as plain values for JSON; None where there is none.

        Utterances after `upto` belong to the next turn.

        label, confidence, scores, dimensions  as in `emotion.final`
        start, end    seconds of the voice's audio
        final         false where the utterance had not ended, or its final was not ready: a later one may say more
        description   the line for a language model; None where the reading is `unsure`
        utterances    label, confidence, start, end and final of each utterance of the turn
        """
        summary, known = self.look(upto), self._known(upto)
        # An utterance that was told while it was open is kept until its final has been told too.
        kept = [one for one in self._utterances if one not in known or not one.final]
        self._utterances = deque(kept, maxlen=MOST)
        for one in known:
            one.told = one.told or one.reading is not None
        return summary


def _row(one: _Utterance) -> Summary:
    reading = one.reading
    assert reading is not None
    return {
        "label": reading.label,
        "confidence": reading.confidence,
        "start": reading.start,
        "end": reading.end,
        "final": one.final,
    }
