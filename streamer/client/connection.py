"""The state of one connection: its phase, and when the server last answered."""

from dataclasses import dataclass
from enum import Enum

ANSWER_TIMEOUT_S = 15.0  # each keepalive is answered: a connection without any message for this long is dead
COMMANDS_PER_SECOND, COMMAND_BURST = 10.0, 30.0  # half of what the server accepts; keepalives count there too


class Phase(Enum):
    """How far a connection has come."""

    OFFLINE = "offline"
    GREETING = "waiting for session.created"
    UPDATING = "waiting for session.updated"
    RESUMING = "waiting for session.resumed"
    STREAMING = "streaming"


@dataclass
class Connection:
    """One connection. Times are on the caller's monotonic clock, in seconds.

    received_at     when the server's last message arrived
    server_has      position up to which the server has the audio, by its last status
    server_has_at   when that position last grew, or was everything sent
    keepalive_at    when the last keepalive was sent
    request_sent    the message whose answer this phase waits for was sent
    command_tokens  token bucket of the command rate limit, filled up to `tokens_at`
    """

    phase: Phase = Phase.OFFLINE
    opened_at: float = 0.0
    received_at: float = 0.0
    keepalive_at: float = 0.0
    request_sent: bool = False
    server_has: int = 0
    server_has_at: float = 0.0
    command_tokens: float = COMMAND_BURST
    tokens_at: float = 0.0

    def server_received(self, position: int, sent: int, now: float) -> None:
        """The server reports that it has all audio before `position`, of which `sent` frames were sent."""
        if position > self.server_has or position >= sent:
            self.server_has, self.server_has_at = max(position, self.server_has), now

    def take_command_token(self, now: float) -> bool:
        """Whether the rate limit allows a command now; if so, the command is counted."""
        self.command_tokens = min(COMMAND_BURST, self.command_tokens + (now - self.tokens_at) * COMMANDS_PER_SECOND)
        self.tokens_at = now
        if self.command_tokens < 1.0:
            return False
        self.command_tokens -= 1.0
        return True

    def timed_out(self, sent: int, now: float) -> bool:
        """The connection is open but dead: no message arrives, or the server does not receive what was sent."""
        unread = self.phase is Phase.STREAMING and sent > self.server_has
        stalled = unread and now - self.server_has_at > ANSWER_TIMEOUT_S
        silent = now - self.received_at > ANSWER_TIMEOUT_S
        return self.phase is not Phase.OFFLINE and (stalled or silent)
