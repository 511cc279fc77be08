"""The screen's state: computed from events alone, in audio time, without a clock."""

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
from ..runtime.updates import Meter, Notice, Update
from ..sinks.spoken import Spoken

STRIP_S = 60.0
POINT_S = 0.05  # distance of the points of the level curve
CURVE_S = 130.0  # length of the curve: a little more than the longest utterance that can be configured
MESSAGE_S = 8.0  # how long a message stays on the screen
HEADLINE_LEAD = 0.08  # the headline changes at once when another label leads by this much,
HEADLINE_READINGS = 2  # or when it led this many readings in a row

Reading = EmotionInterim | EmotionFinal
Phase = Literal["starting", "running", "paused", "finishing", "ended"]


@dataclass(frozen=True)
class StripReading:
    """One reading in the strip of the last minute."""

    start: float
    end: float
    label: str
    confidence: float


@dataclass(frozen=True)
class Turn:
    """A finished utterance."""

    start: float
    end: float
    label: str
    confidence: float
    text: str = ""


@dataclass
class ScreenState:
    """Everything that a frame is drawn from.

    source, detail    name of the device or file; its sample rate and channels
    live              a microphone, not a recording
    unpaced           a recording that is read as fast as possible, for a screenshot: its lag has no meaning
    files, truncated  files being written; files whose writing failed before the end
    now_s             audio time
    curve             (end, level in dBFS), the newest last, `curve_point_s` apart
    headline          the label in large: steadier than the readings, which are not smoothed
    before            scores of the previous reading, for the arrows
    leading, led      label of the newest reading, and how many readings in a row it led
    message           the newest warning, error or notice; errors are `serious`
    next_message      shown once the current one has expired
    reset_s           time of the last reset: an earlier mood is not shown
    """

    product: str = "emoscope"
    source: str = ""
    detail: str = ""
    model: str = ""
    device: str = "cpu"
    live: bool = True
    speed: float = 1.0
    unpaced: bool = False
    files: list[str] = field(default_factory=list)
    truncated: list[str] = field(default_factory=list)
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
    strip: deque[StripReading] = field(default_factory=deque)
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
    next_message: str = ""
    overlay: list[str] | None = None
    spoken: Spoken = field(default_factory=Spoken)
    speech_s: float = 0.0
    closed: SessionClosed | None = None
    lag_worst_s: float = 0.0

    def apply(self, update: Update) -> None:
        """Show one event, meter or notice."""
        match update:
            case Meter():
                self._tick(update)
            case Notice():
                if update.ended in self.files:
                    # A new list, because the caller's list must keep all files.
                    self.files = [name for name in self.files if name != update.ended]
                    self.truncated = [*self.truncated, update.ended]
                if update.lasting and self.phase == "starting":
                    self.next_message = update.message  # the session opens with a notice of its own
                self.show_message(update.message, serious=update.serious)
            case _:
                self._event(update)

    def _event(self, event: AnyEvent) -> None:
        match event:
            case SessionCreated():
                self._created(event)
            case SpeechStarted():
                self._at(event.start)
                self.speaking, self.utterance, self.started_s = True, event.utterance, event.start
                self.leading, self.led, self.before = "", 0, {}
            case SpeechEnded():
                self._at(event.end)
                self.speaking, self.silent_since = False, event.end
                self.speech_s += event.end - event.start
            case EmotionInterim() | EmotionFinal():
                self._read(event)
            case Mood():
                self._mood(event)
            case TranscriptInterim() | TranscriptFinal():
                self._words(event)
            case Status():
                self._status(event)
            case WarningEvent():
                self._warn(event)
            case Error():
                self.show_message(event.message, serious=True)
            case Enrolled():
                self.show_message(f"your calm voice was learnt from {event.seconds:.0f} s of speech")
            case SessionClosed():
                self.closed, self.speaking = event, False
                self.now_s = max(self.now_s, event.totals.audio_s)
                self.dropped_s = event.totals.dropped_s

    def reset(self) -> None:
        """Forget the mood. The mood of the utterance that the reset ended arrives later, and is ignored."""
        self.mood, self.reset_s = None, self.now_s
        self.show_message("reset: the mood, the context and the learnt voice are forgotten")

    def _mood(self, event: Mood) -> None:
        if event.start >= self.reset_s:
            self.mood = event

    def show_message(self, message: str, *, serious: bool = False) -> None:
        """Show a message for a while. Only a serious message replaces a serious one."""
        if self.serious and self.message and self.now_s < self.message_until and not serious:
            return
        self.message, self.serious = message, serious
        self.message_until = self.now_s + MESSAGE_S * (4 if serious else 1)

    def curve_between(self, start: float, end: float) -> list[float]:
        """Levels between two times, in dBFS; [] where the curve has none, or is too coarse to show an utterance."""
        if self.curve_point_s > 4 * POINT_S:
            return []
        return [level for at, level in self.curve if start < at <= end + self.curve_point_s / 2]

    def percentile_ms(self, share: float) -> float | None:
        """Percentile of the time that a reading took, in ms, over the newest readings; `share` is in [0, 1]."""
        if not self.infer_ms:
            return None
        ranked = sorted(self.infer_ms)
        return ranked[min(len(ranked) - 1, int(share * len(ranked)))]

    def _created(self, event: SessionCreated) -> None:
        config = event.config
        if self.phase != "starting":
            self._restart()
        self.product = event.server
        self.labels, self.model = tuple(event.model.labels), event.model.id
        self.notice = event.notice
        self.source = self.source or event.source or "?"
        if not self.detail:
            kilo = f"{config.sample_rate / 1000:g}"
            self.detail = f"{kilo} kHz" if config.sample_rate == 16_000 else f"{kilo}→16 kHz"
            self.detail += f" {config.channels} ch mixed" if config.channels > 1 else ""
        self.phase = "running"
        self.show_message(event.notice)

    def _restart(self) -> None:
        """A new session replaced a lost one, and its clock starts at 0."""
        self.now_s = self.started_s = self.silent_since = self.reset_s = self.message_until = 0.0
        self.curve.clear()
        self.strip.clear()
        self.warned.clear()
        self.speaking, self.reading, self.mood, self.before = False, None, None, {}

    def _tick(self, tick: Meter) -> None:
        at = tick.audio_s - POINT_S * len(tick.envelope)
        for level in tick.envelope:
            at += POINT_S
            self.curve.append((at, level))
        self._at(tick.audio_s)
        self.curve_point_s = POINT_S
        self.lag_s, self.dropped_s, self.lost_input_s = tick.lag_s, tick.dropped_s, tick.lost_s
        self.lag_worst_s = max(self.lag_worst_s, tick.lag_s)
        if tick.enrollment is not None:
            heard, wanted = tick.enrollment
            progress = f"{min(heard, wanted):.0f} of {wanted:.0f} s"
            self.show_message(f"learning your calm voice: {progress}; pause when it is enough")
        if self.phase in ("running", "paused"):
            self.phase = "paused" if tick.paused else "running"

    def _at(self, seconds: float) -> None:
        self.now_s = max(self.now_s, seconds)
        if self.next_message and self.now_s >= self.message_until:
            message, self.next_message = self.next_message, ""
            self.show_message(message)
        while self.curve and self.curve[0][0] < self.now_s - CURVE_S:
            self.curve.popleft()
        while self.strip and self.strip[0].end < self.now_s - STRIP_S - 1:
            self.strip.popleft()

    def _status(self, event: Status) -> None:
        self._at(event.audio_s)
        if not self.curve or event.audio_s - self.curve[-1][0] > 0.5:
            # A record has one level per second, in its status events.
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
        self._update_headline(event, final)
        start = self.strip[-1].end if self.strip and self.strip[-1].end > event.start else event.start
        if event.end > start:
            self.strip.append(StripReading(start, event.end, event.label, event.confidence))
        self.reading = event
        if final:
            text = self.transcript.text if self.transcript and self.transcript.utterance == event.utterance else ""
            self.turns.append(Turn(event.start, event.end, event.label, event.confidence, text))
            self.spoken.add(event.label, event.end - event.start)

    def _update_headline(self, event: Reading, final: bool) -> None:
        """Hysteresis: the headline changes later than the label of the readings."""
        self.led = self.led + 1 if event.label == self.leading else 1
        self.leading = event.label
        lead = event.confidence - event.scores.get(self.headline, 0.0)
        first = self.reading is None or self.reading.utterance != event.utterance
        if final or first or self.led >= HEADLINE_READINGS or lead >= HEADLINE_LEAD:
            self.headline = event.label

    def _words(self, event: TranscriptInterim | TranscriptFinal) -> None:
        self.has_words = True
        self.transcript = event
        if isinstance(event, TranscriptFinal):
            self.language = event.language or self.language

    def _warn(self, event: WarningEvent) -> None:
        at = event.start if event.start is not None else self.now_s
        self.warned[event.code] = max(at, self.now_s) + MESSAGE_S
        self.warnings[event.code] += 1
        self.show_message(event.message, serious=event.code == "audio_dropped")

    def warns(self, code: str) -> bool:
        """A warning of this kind was received within the last seconds."""
        return self.warned.get(code, -1.0) > self.now_s
