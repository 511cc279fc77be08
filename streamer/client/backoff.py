"""Exponential back-off with jitter: how long to wait before the next connection attempt."""

from dataclasses import dataclass

INITIAL_DELAY_S = 0.25
MAX_DELAY_S = 30.0
STABLE_S = 5.0  # a connection that stayed open this long resets the back-off


@dataclass
class Backoff:
    """The delay doubles with each attempt in a row. Jitter keeps many clients from reconnecting at the same moment."""

    attempts: int = 0

    def connection_closed(self, open_s: float) -> None:
        """Note that a connection was open for `open_s` seconds; a stable one resets the back-off."""
        if open_s >= STABLE_S:
            self.attempts = 0

    def next_delay_s(self, random: float) -> float:
        """Seconds to wait before the next attempt: between half of the current delay and all of it.

        random  a number in [0, 1) that chooses the jitter
        """
        delay = min(MAX_DELAY_S, INITIAL_DELAY_S * 2.0 ** min(self.attempts, 16))
        self.attempts += 1
        return delay * (0.5 + random / 2.0)
