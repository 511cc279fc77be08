"""How long to wait before a process is started again."""

from dataclasses import dataclass

BACKOFF_S = (0.0, 1.0, 2.0, 5.0, 10.0)  # by how many processes in a row did not last
LASTED_S = 10.0


@dataclass
class RestartBackoff:
    """State of one worker's restarts. `short_lived` counts the processes in a row that ended within `LASTED_S`."""

    short_lived: int = 0

    def next_pause_s(self, lifetime_s: float) -> float:
        """The pause after a process that lived so long, from its start on."""
        if lifetime_s > LASTED_S:
            self.short_lived = 0
        pause_s = BACKOFF_S[min(self.short_lived, len(BACKOFF_S) - 1)]
        self.short_lived += 1
        return pause_s
