"""The totals of a run of `emoscope replay`."""

from dataclasses import dataclass, field

from ..sinks.recording_summary import RecordingSummary


@dataclass
class Tally:
    """What the last line sums up.

    summaries    of the recordings that were read to their end, or as far as they go, in order
    unreachable  paths that lead to no recording
    skipped      recordings that an earlier run has read
    wall_s       time inside the live path, the model and the reading of files included
    measured     false where that time says nothing: a paced replay waits, and a record is not read again
    """

    summaries: list[RecordingSummary] = field(default_factory=list)
    unreachable: int = 0
    skipped: int = 0
    wall_s: float = 0.0
    measured: bool = True

    @property
    def failed(self) -> int:
        """Paths of which something could not be read."""
        return self.unreachable + sum(bool(one.error) for one in self.summaries)

    def last_line(self, model: str) -> str:
        """The last line."""
        recordings = sum(one.seconds > 0 or not one.error for one in self.summaries)
        audio_s = sum(one.seconds for one in self.summaries)
        speech_s = sum(one.speech_s for one in self.summaries)
        utterances = sum(one.utterances for one in self.summaries)
        rtf = f"{self.wall_s / audio_s:.4f}" if audio_s and self.measured else "-"
        parts = [
            f"{recordings} recording{'s' * (recordings != 1)}",
            f"{audio_s:.1f} s",
            f"{utterances} utterance{'s' * (utterances != 1)} ({speech_s:.1f} s of speech)",
            f"RTF {rtf} ({model})",
        ]
        if self.skipped:
            parts.append(f"{self.skipped} done before")
        if self.failed:
            parts.append(f"{self.failed} failed")
        return " · ".join(parts)
