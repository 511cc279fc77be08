"""One connection: how far it has come, and when what happened on it."""

from dataclasses import dataclass
from enum import Enum

COMMANDS_S, COMMANDS_BURST = 10.0, 30.0  # a second, and at once: more are not read by the server


class Phase(Enum):
    """Of one connection."""

    OFFLINE = "offline"
    GREETING = "waiting for session.created"
    UPDATING = "waiting for session.updated"
    RESUMING = "waiting for session.resumed"
    STREAMING = "streaming"


@dataclass
class Link:
    """One connection. Times are of the clock that the caller has."""

    phase: Phase = Phase.OFFLINE
    opened: float = 0.0
    heard: float = 0.0
    kept_alive: float = 0.0
    asked: bool = False
    allowance: float = COMMANDS_BURST
    counted: float = 0.0

    def may_command(self, now: float) -> bool:
        """Whether a command may be sent now; it is counted."""
        self.allowance = min(COMMANDS_BURST, self.allowance + (now - self.counted) * COMMANDS_S)
        self.counted = now
        if self.allowance < 1.0:
            return False
        self.allowance -= 1.0
        return True
