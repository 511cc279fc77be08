"""A process in which everything fails, such as after a fault of its device, makes room for another one."""

from dataclasses import dataclass

MAX_FAILURES = 3  # in a row: one alone may be the request's fault
LASTING_S = 5.0  # and for so long: for a moment, anything may fail where memory is short


class ServiceBroken(Exception):
    """Nothing that a worker is asked succeeds any more; its process ends, and another one takes its place."""


@dataclass
class FailuresInARow:
    """How many requests have failed since the last one that did not.

    since  when the first of them did, in seconds
    """

    count: int = 0
    since: float = 0.0

    def note(self, failure: str, now: float) -> None:
        """A request was answered; `failure` says what went wrong, "" if nothing did.

        ServiceBroken after `MAX_FAILURES` in a row that span `LASTING_S`.
        """
        if not failure:
            self.count = 0
            return
        self.since = now if self.count == 0 else self.since
        self.count += 1
        if self.count >= MAX_FAILURES and now - self.since >= LASTING_S:
            raise ServiceBroken(f"{self.count} requests in a row failed, so another process is started: {failure}")
