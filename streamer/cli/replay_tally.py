"""The totals of a run of `emoscope replay`."""

from dataclasses import dataclass, field

from ..sinks.recording_summary import RecordingSummary


@dataclass
class Tally:
    """What the last lines sum up.

    wall_s     time inside the live path, the model and the reading of files included
    measured   false where that time says nothing: a paced replay waits, and a record is not read again
    summaries  of the recordings, in order
    """

    recordings: int = 0
    failed: int = 0
    skipped: int = 0
    audio_s: float = 0.0
    speech_s: float = 0.0
    utterances: int = 0
    wall_s: float = 0.0
    measured: bool = True
    summaries: list[RecordingSummary] = field(default_factory=list)

    def add(self, summary: RecordingSummary) -> None:
        """Count a recording that was read to its end, or as far as it goes."""
        self.summaries.append(summary)
        self.recordings += summary.seconds > 0 or not summary.error
        self.failed += bool(summary.error)
        self.audio_s += summary.seconds
        self.speech_s += summary.speech_s
        self.utterances += summary.utterances

    def last_line(self, model: str) -> str:
        """The last line."""
        rtf = f"{self.wall_s / self.audio_s:.4f}" if self.audio_s and self.measured else "-"
        parts = [
            f"{self.recordings} recording{'s' * (self.recordings != 1)}",
            f"{self.audio_s:.1f} s",
            f"{self.utterances} utterance{'s' * (self.utterances != 1)} ({self.speech_s:.1f} s of speech)",
            f"RTF {rtf} ({model})",
        ]
        if self.skipped:
            parts.append(f"{self.skipped} done before")
        if self.failed:
            parts.append(f"{self.failed} failed")
        return " · ".join(parts)
