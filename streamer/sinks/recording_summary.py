"""One recording in a row: how long it is, how much was said, and which readings took most of the speech."""

from dataclasses import dataclass, field

from emoscope.models.reading import UNSURE

from ..protocol.events import AnyEvent, EmotionFinal, SessionClosed, WarningEvent
from ..protocol.text import clean
from .spoken import Spoken

COLUMNS = (
    "file", "seconds", "speech_s", "utterances", "first", "first_share", "second", "second_share", "unsure_share",
    "warnings", "error",
)  # fmt: skip


@dataclass
class RecordingSummary:
    """Fed with the events of one recording, all channels together.

    spoken  what was read of the speech
    """

    file: str
    seconds: float = 0.0
    speech_s: float = 0.0
    utterances: int = 0
    spoken: Spoken = field(default_factory=Spoken)
    warnings: list[str] = field(default_factory=list)
    error: str = ""

    def add(self, event: AnyEvent) -> None:
        """Count one event."""
        match event:
            case EmotionFinal():
                self.spoken.add(event.label, event.end - event.start)
            case WarningEvent() if event.code not in self.warnings:
                self.warnings.append(event.code)
            case SessionClosed():
                self.seconds = max(self.seconds, event.totals.audio_s)
                self.speech_s += event.totals.speech_s
                self.utterances += event.totals.utterances

    @property
    def dominant(self) -> list[tuple[str, float]]:
        """The two labels, `unsure` apart, that took most of the speech, with their shares."""
        return [(label, share) for label, share in self.spoken.shares.items() if label != UNSURE][:2]

    @property
    def unsure(self) -> float | None:
        """The share of `unsure`; None without a reading."""
        shares = self.spoken.shares
        return shares.get(UNSURE, 0.0) if shares else None

    def row(self) -> list[str]:
        """The cells of `COLUMNS`."""
        dominant = [*self.dominant, ("", 0.0), ("", 0.0)][:2]
        readings = [cell for label, share in dominant for cell in (label, f"{share:.3f}" if label else "")]
        unsure = "" if self.unsure is None else f"{self.unsure:.3f}"
        counts = [f"{self.seconds:.3f}", f"{self.speech_s:.3f}", str(self.utterances)]
        return [self.file, *counts, *readings, unsure, " ".join(self.warnings), self.error]

    def line(self) -> str:
        """The recording as one line of the closing table."""
        names = " ".join(f"{label} {100 * share:.0f} %" for label, share in self.dominant) or "-"
        unsure = "-" if self.unsure is None else f"{100 * self.unsure:.0f} %"
        end = f"  ({self.error.removeprefix(f'{self.file}: ')})" if self.error else ""
        counts = f"{self.seconds:>9.1f} {self.speech_s:>9.1f} {self.utterances:>5}"
        return clean(f"{counts}  {names:<28} {unsure:>6}  {self.file}{end}")


HEAD = f"{'seconds':>9} {'speech':>9} {'turns':>5}  {'most of the speech':<28} {'unsure':>6}  file"
