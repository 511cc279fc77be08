"""How long each label was read of the speech: the one count behind every summary of readings."""

from dataclasses import dataclass, field


@dataclass
class Spoken:
    """Fed with finals, as label and seconds.

    seconds  of speech, by label
    """

    seconds: dict[str, float] = field(default_factory=dict)

    def add(self, label: str, seconds: float) -> None:
        """Count one final."""
        self.seconds[label] = self.seconds.get(label, 0.0) + seconds

    @property
    def shares(self) -> dict[str, float]:
        """Each label's share of the seconds, the largest first; {} where there are none."""
        whole = sum(self.seconds.values())
        ranked = sorted(self.seconds.items(), key=lambda item: (-item[1], item[0]))
        return {label: seconds / whole for label, seconds in ranked} if whole else {}
