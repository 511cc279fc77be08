"""A process in which everything fails, such as after a fault of its device, makes room for another one."""

from dataclasses import dataclass

MAX_FAILURES = 3  # in a row: one alone may be the request's fault


class ServiceBroken(Exception):
    """Nothing that a worker is asked succeeds any more; its process ends, and another one takes its place."""


@dataclass
class FailuresInARow:
    """How many requests have failed since the last one that did not."""

    count: int = 0

    def note(self, failure: str) -> None:
        """A request was answered; `failure` says what went wrong, "" if nothing did. ServiceBroken after too many."""
        self.count = self.count + 1 if failure else 0
        if self.count >= MAX_FAILURES:
            raise ServiceBroken(f"{self.count} requests in a row failed, so another process is started: {failure}")
