"""When a connection's status, its idle timeout and the deadline of its `finish` are due; `now` is handed in."""

from dataclasses import dataclass, field

from ..protocol.messages import STATUS_S
from ..runtime.rules import FinishDeadline

PAUSE_CHECKS = 5


@dataclass
class ConnectionTimeouts:
    """One connection's, in seconds of any clock that only goes forward.

    received_at     when the client's newest message came
    idle_timeout_s  without a message, after which the connection is closed
    """

    received_at: float
    idle_timeout_s: float
    _audio_s: float = field(init=False, default=0.0)
    _checks: int = field(init=False, default=0)
    _status_at: float = field(init=False)
    _finish: FinishDeadline = field(init=False, default_factory=FinishDeadline)

    def __post_init__(self) -> None:
        self._status_at = self.received_at + STATUS_S

    def status_due(self, now: float) -> bool:
        """True once a second; a second that was missed is not made up for."""
        if now < self._status_at:
            return False
        self._status_at = max(self._status_at + STATUS_S, now + STATUS_S / 2)
        return True

    def is_idle(self, now: float) -> bool:
        """Whether the client has sent nothing for too long."""
        return now - self.received_at > self.idle_timeout_s

    def idle_passed(self, now: float, grace_s: float) -> bool:
        """Whether it has been idle for that much longer."""
        return now - self.received_at > self.idle_timeout_s + grace_s

    def audio_pauses(self, audio_s: float) -> bool:
        """To be asked once a second: whether no audio came since it was asked `PAUSE_CHECKS` times before.

        Counted and not measured, because what a server that stood still has not read yet is no pause of the client.
        """
        self._checks = 0 if audio_s > self._audio_s else self._checks + 1
        self._audio_s = audio_s
        return self._checks >= PAUSE_CHECKS

    def finish_within(self, now: float, timeout_s: float) -> None:
        """Begin the deadline for what is still computed; an earlier one stays."""
        self._finish.within(now, timeout_s)

    def finish_passed(self, now: float) -> bool:
        """True once, when that deadline has passed."""
        passed = self._finish.passed(now)
        if passed:
            self._finish = FinishDeadline()
        return passed
