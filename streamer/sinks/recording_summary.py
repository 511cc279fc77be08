"""One recording in a row: how long it is, how much was said, and which readings took most of the speech."""

from collections import Counter
from dataclasses import dataclass, field

from ..protocol.events import AnyEvent, EmotionFinal, SessionClosed, WarningEvent
from ..protocol.text import clean

COLUMNS = (
    "file", "seconds", "speech_s", "utterances", "first", "first_share", "second", "second_share", "unsure_share",
    "warnings", "error",
)  # fmt: skip
UNSURE = "unsure"


@dataclass
class RecordingSummary:
    """Fed with the events of one recording, all channels together.

    spoken_s  seconds of speech by label
    """

    file: str
    seconds: float = 0.0
    speech_s: float = 0.0
    utterances: int = 0
    spoken_s: Counter[str] = field(default_factory=Counter)
    warnings: list[str] = field(default_factory=list)
    error: str = ""

    def add(self, event: AnyEvent) -> None:
        """Count one event."""
        match event:
            case EmotionFinal():
                self.spoken_s[event.label] += event.end - event.start  # type: ignore[assignment]
            case WarningEvent() if event.code not in self.warnings:
                self.warnings.append(event.code)
            case SessionClosed():
                self.seconds = max(self.seconds, event.totals.audio_s)
                self.speech_s += event.totals.speech_s
                self.utterances += event.totals.utterances

    def share(self, label: str) -> float:
        """The share of a label in the speech."""
        total = sum(self.spoken_s.values())
        return self.spoken_s[label] / total if total else 0.0

    @property
    def dominant(self) -> list[tuple[str, float]]:
        """The two labels, `unsure` apart, that took most of the speech, with their shares."""
        sure = [(label, self.share(label)) for label in self.spoken_s if label != UNSURE]
        return sorted(sure, key=lambda item: (-item[1], item[0]))[:2]

    def row(self) -> list[str]:
        """The cells of `COLUMNS`."""
        dominant = [*self.dominant, ("", 0.0), ("", 0.0)][:2]
        readings = [cell for label, share in dominant for cell in (label, f"{share:.3f}" if label else "")]
        unsure = f"{self.share(UNSURE):.3f}" if self.spoken_s else ""
        counts = [f"{self.seconds:.3f}", f"{self.speech_s:.3f}", str(self.utterances)]
        return [self.file, *counts, *readings, unsure, " ".join(self.warnings), self.error]

    def line(self) -> str:
        """The recording as one line of the closing table."""
        names = " ".join(f"{label} {100 * share:.0f} %" for label, share in self.dominant) or "-"
        unsure = f"{100 * self.share(UNSURE):.0f} %" if self.spoken_s else "-"
        end = f"  ({self.error.removeprefix(f'{self.file}: ')})" if self.error else ""
        counts = f"{self.seconds:>9.1f} {self.speech_s:>9.1f} {self.utterances:>5}"
        return clean(f"{counts}  {names:<28} {unsure:>6}  {self.file}{end}")


HEAD = f"{'seconds':>9} {'speech':>9} {'turns':>5}  {'most of the speech':<28} {'unsure':>6}  file"
