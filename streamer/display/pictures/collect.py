"""From events to stories: one for each session in them, and for each channel that is a session of its own."""

from ...protocol.events import (
    AnyEvent,
    EmotionFinal,
    EmotionInterim,
    Mood,
    SessionClosed,
    SessionCreated,
    SpeechEnded,
    SpeechStarted,
    Status,
    TranscriptFinal,
    TranscriptInterim,
)
from .story import Reading, Story, Utterance

SessionEvent = EmotionFinal | EmotionInterim | Mood | SpeechEnded | SpeechStarted | TranscriptFinal | TranscriptInterim


class Collector:
    """Collects the events of a recording or of a record. It needs neither the end of a session nor its beginning.

    finals_only  keeps no interims and no attention, which are most of the memory
    """

    def __init__(self, *, finals_only: bool = False) -> None:
        self._finals_only = finals_only
        self._session = 0
        self._created: SessionCreated | None = None
        self._stories: dict[tuple[int, int | None], Story] = {}
        self._utterances: dict[tuple[int, int | None, int], Utterance] = {}

    @property
    def stories(self) -> list[Story]:
        """In the order of sessions and channels. A split session is its channels."""
        split = {session for session, channel in self._stories if channel is not None}
        return [
            story for (session, channel), story in self._stories.items() if channel is not None or session not in split
        ]

    def add(self, event: AnyEvent) -> None:
        """Take one event, in the order of the record."""
        channel = event.channel if isinstance(event.channel, int) else None
        match event:
            case SessionCreated():
                self._create(event, channel)
            case Status():
                self._status(event)
            case SessionClosed():
                for story in self._concerned(channel):
                    story.closed, story.speech_s = True, event.totals.speech_s
                    story.audio_s = max(story.audio_s, event.totals.audio_s)
                    story.dropped_s = event.totals.dropped_s
            case (
                EmotionFinal()
                | EmotionInterim()
                | Mood()
                | SpeechEnded()
                | SpeechStarted()
                | TranscriptFinal()
                | TranscriptInterim()
            ):
                self._heard(event, channel)

    def settled(self, until: float) -> bool:
        """Whether every utterance that began before `until` has its final."""
        return all(one.final is not None for one in self._utterances.values() if one.start < until)

    def _create(self, event: SessionCreated, channel: int | None) -> None:
        if channel is None or not self._session:
            self._session += 1
        self._created = event
        self._story(channel)

    def _story(self, channel: int | None) -> Story:
        key = (max(1, self._session), channel)
        if key not in self._stories:
            made = Story(session=key[0], channel=channel)
            if self._created is not None:
                made.source, made.model = self._created.source or "", self._created.model.id
                made.labels = tuple(self._created.model.labels)
            self._stories[key] = made
        return self._stories[key]

    def _concerned(self, channel: int | None) -> list[Story]:
        """The stories that an event concerns: without a channel, all of the session."""
        if channel is not None:
            return [self._story(channel)]
        self._story(None)
        return [story for (session, _), story in self._stories.items() if session == max(1, self._session)]

    def _status(self, event: Status) -> None:
        for story in self._concerned(None):
            story.audio_s = max(story.audio_s, event.audio_s)
            story.dropped_s = event.dropped_s
            if not story.levels or event.audio_s > story.levels[-1][0]:
                story.levels.append((event.audio_s, event.level_dbfs))

    def _heard(self, event: SessionEvent, channel: int | None) -> None:
        story = self._story(channel)
        if isinstance(event, Mood):
            story.moods.append(event)
            return
        one = self._utterance(story, channel, event.utterance, event.start)
        match event:
            case SpeechStarted():
                return
            case EmotionInterim():
                if one.final is None and not self._finals_only:
                    one.interims.append(_reading(event))
            case EmotionFinal():
                one.final, one.start, one.end = _reading(event), event.start, event.end
                one.attention, one.words, one.derived = event.attention, event.words, event.derived
                if self._finals_only:
                    one.attention = []
                story.labels = story.labels or tuple(event.scores)
            case TranscriptFinal() | TranscriptInterim():
                story.transcribed = True
        one.end = event.end if isinstance(event, SpeechEnded | EmotionFinal) else max(one.end, event.end)
        story.audio_s = max(story.audio_s, event.end)

    def _utterance(self, story: Story, channel: int | None, number: int, start: float) -> Utterance:
        key = (story.session, channel, number)
        if key not in self._utterances:
            self._utterances[key] = Utterance(number, start, start)
            story.utterances.append(self._utterances[key])
        return self._utterances[key]


def _reading(event: EmotionInterim | EmotionFinal) -> Reading:
    return Reading(event.end, event.label, event.confidence, event.scores, event.dimensions)
