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
    """One connection. Times are of the clock that the caller has.

    heard       when the server last said anything
    reached     the audio that it has, as it said at `reached_at`, when that was news or all that was sent
    kept_alive  when it was last told that we are there
    asked       the message that this phase waits for an answer to was sent
    """

    phase: Phase = Phase.OFFLINE
    opened: float = 0.0
    heard: float = 0.0
    kept_alive: float = 0.0
    asked: bool = False
    reached: int = 0
    reached_at: float = 0.0
    allowance: float = COMMANDS_BURST
    counted: float = 0.0

    def reach(self, position: int, sent: int, now: float) -> None:
        """The server says that it has all audio before `position`."""
        if position > self.reached or position >= sent:
            self.reached, self.reached_at = max(position, self.reached), now

    def may_command(self, now: float) -> bool:
        """Whether a command may be sent now; it is counted."""
        self.allowance = min(COMMANDS_BURST, self.allowance + (now - self.counted) * COMMANDS_S)
        self.counted = now
        if self.allowance < 1.0:
            return False
        self.allowance -= 1.0
        return True
