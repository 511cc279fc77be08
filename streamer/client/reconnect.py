"""Whether to reconnect after a connection ended or could not be opened, and after how long."""

from collections.abc import Callable
from dataclasses import dataclass, field

from ..protocol.errors import EmoscopeError, RefusedByServer
from .backoff import STABLE_S, Backoff
from .close_codes import disconnected

MAX_FIRST_RETRIES = 3  # retries before the first session began; after that only the timeout counts
ABNORMAL_CLOSURE = 1006  # the close code of a connection that ended without a closing handshake (RFC 6455, 7.4.1)


@dataclass(frozen=True)
class Reconnect:
    """Connect again after `delay_s` seconds."""

    delay_s: float
    reason: str


@dataclass(frozen=True)
class Stop:
    """Do not connect again. Without an error the session is complete; an error says what to do."""

    error: EmoscopeError | None = None


Decision = Reconnect | Stop


@dataclass
class ReconnectPolicy:
    """Retries with back-off until the timeout.

    random     returns numbers in [0, 1), for the jitter of the back-off
    timeout_s  stop after this long without a stable connection and without progress
    """

    random: Callable[[], float]
    timeout_s: float = 300.0
    backoff: Backoff = field(default_factory=Backoff)
    session_began: bool = False
    failing_since: float | None = None

    def progressed(self) -> None:
        """The server processed audio that no server had processed before: the timeout starts again."""
        self.failing_since = None

    def connection_closed(self, open_s: float) -> None:
        """A connection that was open for `open_s` seconds has ended."""
        self.backoff.connection_closed(open_s)
        if open_s >= STABLE_S:
            self.failing_since = None

    def retry(self, now: float, reason: str, min_delay_s: float = 0.0, error: EmoscopeError | None = None) -> Decision:
        """Reconnect, or stop when the attempts or the time are used up.

        min_delay_s  the server's Retry-After, if it sent one
        error        raised on a timeout instead of a general Disconnected
        """
        self.failing_since = now if self.failing_since is None else self.failing_since
        if not self.session_began and self.backoff.attempts >= MAX_FIRST_RETRIES:
            return Stop(
                RefusedByServer(
                    f"{reason} {MAX_FIRST_RETRIES + 1} times before a session began; is it an emoscope server?"
                )
            )
        if now - self.failing_since > self.timeout_s:
            return Stop(error or disconnected(ABNORMAL_CLOSURE, f"no connection for {self.timeout_s:.0f} s"))
        return Reconnect(max(self.backoff.next_delay_s(self.random()), min_delay_s), reason)
