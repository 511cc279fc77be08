"""What the screen knows: folded from events and ticks, in audio time, without a clock."""

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Literal

from ..protocol.events import (
    AnyEvent,
    EmotionFinal,
    EmotionInterim,
    Enrolled,
    Error,
    Mood,
    SessionClosed,
    SessionCreated,
    SpeechEnded,
    SpeechStarted,
    Status,
    TranscriptFinal,
    TranscriptInterim,
    WarningEvent,
)
from ..runtime.news import News, Note, Tick

STRIP_S = 60.0
POINT_S = 0.05  # of the level curve
CURVE_S = 130.0  # kept of it: the longest utterance that can be asked for, and a little
SAID_S = 8.0  # a warning stays on the screen so long
HYSTERESIS = 0.08  # the headline changes at once when another label leads by so much,
PATIENCE = 2  # or when it led so many readings in a row

Reading = EmotionInterim | EmotionFinal
Phase = Literal["starting", "running", "paused", "finishing", "ended"]


@dataclass(frozen=True)
class Moment:
    """A stretch of the strip, as it was read then."""

    start: float
    end: float
    label: str
    confidence: float


@dataclass(frozen=True)
class Turn:
    """An utterance that is over."""

    start: float
    end: float
    label: str
    confidence: float
    text: str = ""


@dataclass
class ScreenState:
    """Everything that a frame is drawn from.

    source, detail  what is heard: a device's or file's name; its rate and channels
    live            a microphone, not a recording
    hurried         a recording read as fast as it goes, for a picture: there is no life to lag behind
    files, cut      what is being written, to be said while it is; what stopped being written before the end
    now_s           audio time
    curve           (end, dBFS) of the level, the newest last; `curve_point_s` apart
    headline        the label in large: steadier than the readings, which stay raw
    before          the scores of the reading before, for the arrows
    message         the newest warning or note; `serious` ones are errors
    """

    product: str = "emoscope"
    source: str = ""
    detail: str = ""
    model: str = ""
    device: str = "cpu"
    live: bool = True
    speed: float = 1.0
    hurried: bool = False
    files: list[str] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)
    labels: tuple[str, ...] = ()
    phase: Phase = "starting"
    notice: str = ""
    now_s: float = 0.0
    curve: deque[tuple[float, float]] = field(default_factory=deque)
    curve_point_s: float = POINT_S
    speaking: bool = False
    utterance: int = 0
    started_s: float = 0.0
    silent_since: float = 0.0
    reading: Reading | None = None
    before: dict[str, float] = field(default_factory=dict)
    headline: str = ""
    leading: str = ""
    led: int = 0
    mood: Mood | None = None
    reset_s: float = 0.0
    strip: deque[Moment] = field(default_factory=deque)
    turns: deque[Turn] = field(default_factory=lambda: deque(maxlen=200))
    transcript: TranscriptInterim | TranscriptFinal | None = None
    language: str | None = None
    has_words: bool = False
    lag_s: float = 0.0
    lag_text_s: float = 0.0
    dropped_s: float = 0.0
    lost_input_s: float = 0.0
    rtf: float = 0.0
    infer_ms: deque[float] = field(default_factory=lambda: deque(maxlen=300))
    warned: dict[str, float] = field(default_factory=dict)
    warnings: Counter[str] = field(default_factory=Counter)
    message: str = ""
    serious: bool = False
    message_until: float = 0.0
    overlay: list[str] | None = None
    spoken_s: dict[str, float] = field(default_factory=dict)
    speech_s: float = 0.0
    closed: SessionClosed | None = None
    lag_worst_s: float = 0.0

    def absorb(self, news: News) -> None:
        """Take one event, tick or note."""
        match news:
            case Tick():
                self._tick(news)
            case Note():
                if news.ended in self.files:
                    # Not in place: whoever made the list still has to know of all files.
                    self.files, self.cut = [f for f in self.files if f != news.ended], [*self.cut, news.ended]
                self.say(news.message, serious=news.serious)
            case _:
                self._event(news)

    def _event(self, news: AnyEvent) -> None:
        match news:
            case SessionCreated():
                self._created(news)
            case SpeechStarted():
                self._at(news.start)
                self.speaking, self.utterance, self.started_s = True, news.utterance, news.start
                self.leading, self.led, self.before = "", 0, {}
            case SpeechEnded():
                self._at(news.end)
                self.speaking, self.silent_since = False, news.end
                self.speech_s += news.end - news.start
            case EmotionInterim() | EmotionFinal():
                self._read(news)
            case Mood():
                self._feel(news)
            case TranscriptInterim() | TranscriptFinal():
                self._words(news)
            case Status():
                self._status(news)
            case WarningEvent():
                self._warn(news)
            case Error():
                self.say(news.message, serious=True)
            case Enrolled():
                self.say(f"your calm voice is learnt, from {news.seconds:.0f} s of speech")
            case SessionClosed():
                self.closed, self.speaking = news, False
                self.now_s = max(self.now_s, news.totals.audio_s)
                self.dropped_s = news.totals.dropped_s

    def reset(self) -> None:
        """The mood is forgotten. That of an utterance which the reset itself ended comes later, and is not of now."""
        self.mood, self.reset_s = None, self.now_s
        self.say("reset: mood, context and what was learnt of the voice are forgotten")

    def _feel(self, event: Mood) -> None:
        if event.start >= self.reset_s:
            self.mood = event

    def say(self, message: str, *, serious: bool = False) -> None:
        """Put a message on the screen for a while. A serious one gives way to serious ones alone."""
        if self.serious and self.message and self.now_s < self.message_until and not serious:
            return
        self.message, self.serious = message, serious
        self.message_until = self.now_s + SAID_S * (4 if serious else 1)

    def curve_between(self, start: float, end: float) -> list[float]:
        """Levels between two times, dBFS; [] where the curve does not reach or is too coarse to show an utterance."""
        if self.curve_point_s > 4 * POINT_S:
            return []
        return [level for at, level in self.curve if start < at <= end + self.curve_point_s / 2]

    def percentile_ms(self, share: float) -> float | None:
        """The time to a reading that `share` of the newest ones stayed under, ms."""
        if not self.infer_ms:
            return None
        ranked = sorted(self.infer_ms)
        return ranked[min(len(ranked) - 1, int(share * len(ranked)))]

    def _created(self, event: SessionCreated) -> None:
        config = event.config
        if self.phase != "starting":
            self._begin_again()
        self.product = event.server
        self.labels, self.model = tuple(event.model.labels), event.model.id
        self.notice = event.notice
        self.source = self.source or event.source or "?"
        if not self.detail:
            kilo = f"{config.sample_rate / 1000:g}"
            self.detail = f"{kilo} kHz" if config.sample_rate == 16_000 else f"{kilo}→16 kHz"
            self.detail += f" {config.channels} ch mixed" if config.channels > 1 else ""
        self.phase = "running"
        self.say(event.notice)

    def _begin_again(self) -> None:
        """A server opened another session in the place of one that it no longer had: its clock starts at 0."""
        self.now_s = self.started_s = self.silent_since = self.reset_s = self.message_until = 0.0
        self.curve.clear()
        self.strip.clear()
        self.warned.clear()
        self.speaking, self.reading, self.mood, self.before = False, None, None, {}

    def _tick(self, tick: Tick) -> None:
        at = tick.audio_s - POINT_S * len(tick.envelope)
        for level in tick.envelope:
            at += POINT_S
            self.curve.append((at, level))
        self._at(tick.audio_s)
        self.curve_point_s = POINT_S
        self.lag_s, self.dropped_s, self.lost_input_s = tick.lag_s, tick.dropped_s, tick.lost_s
        self.lag_worst_s = max(self.lag_worst_s, tick.lag_s)
        if tick.learning is not None:
            heard, wanted = tick.learning
            self.say(f"learning your calm voice: {min(heard, wanted):.0f} of {wanted:.0f} s; pause when it is enough")
        if self.phase in ("running", "paused"):
            self.phase = "paused" if tick.paused else "running"

    def _at(self, seconds: float) -> None:
        self.now_s = max(self.now_s, seconds)
        while self.curve and self.curve[0][0] < self.now_s - CURVE_S:
            self.curve.popleft()
        while self.strip and self.strip[0].end < self.now_s - STRIP_S - 1:
            self.strip.popleft()

    def _status(self, event: Status) -> None:
        self._at(event.audio_s)
        if not self.curve or event.audio_s - self.curve[-1][0] > 0.5:
            # A record has a level a second and no ticks.
            self.curve.append((event.audio_s, event.level_dbfs))
            self.curve_point_s = 1.0
            self.lag_s = event.lag_s.audio
        self.lag_text_s = event.lag_s.text
        self.lag_worst_s = max(self.lag_worst_s, event.lag_s.audio)
        self.rtf, self.dropped_s = event.rtf, event.dropped_s

    def _read(self, event: Reading) -> None:
        self._at(event.end)
        final = isinstance(event, EmotionFinal)
        same = self.reading is not None and self.reading.utterance == event.utterance
        self.before = dict(self.reading.scores) if same and self.reading is not None else {}
        if event.latency is not None:
            self.infer_ms.append(event.latency.queue_ms + event.latency.infer_ms)
        self._lead(event, final)
        begun = self.strip[-1].end if self.strip and self.strip[-1].end > event.start else event.start
        if event.end > begun:
            self.strip.append(Moment(begun, event.end, event.label, event.confidence))
        self.reading = event
        if final:
            text = self.transcript.text if self.transcript and self.transcript.utterance == event.utterance else ""
            self.turns.append(Turn(event.start, event.end, event.label, event.confidence, text))
            self.spoken_s[event.label] = self.spoken_s.get(event.label, 0.0) + event.end - event.start

    def _lead(self, event: Reading, final: bool) -> None:
        """Hysteresis on the headline alone."""
        self.led = self.led + 1 if event.label == self.leading else 1
        self.leading = event.label
        lead = event.confidence - event.scores.get(self.headline, 0.0)
        first = self.reading is None or self.reading.utterance != event.utterance
        if final or first or self.led >= PATIENCE or lead >= HYSTERESIS:
            self.headline = event.label

    def _words(self, event: TranscriptInterim | TranscriptFinal) -> None:
        self.has_words = True
        self.transcript = event
        if isinstance(event, TranscriptFinal):
            self.language = event.language or self.language

    def _warn(self, event: WarningEvent) -> None:
        at = event.start if event.start is not None else self.now_s
        self.warned[event.code] = max(at, self.now_s) + SAID_S
        self.warnings[event.code] += 1
        self.say(event.message, serious=event.code == "audio_dropped")

    def warns(self, code: str) -> bool:
        """A warning of this kind is fresh."""
        return self.warned.get(code, -1.0) > self.now_s
