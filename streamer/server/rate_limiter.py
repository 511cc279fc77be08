"""Limits how many text messages of one client are read."""

BURST_S = 3.0  # so many seconds' worth of messages may come at once


class RateLimiter:
    """A token bucket that fills at `rate` messages a second. The caller hands the time in."""

    def __init__(self, rate: float, now: float) -> None:
        self.rate = rate
        self._tokens, self._updated_at = BURST_S * rate, now
        self._reported = False

    def allow(self, now: float) -> bool:
        """Whether one more message may be read."""
        self._tokens = min(BURST_S * self.rate, self._tokens + (now - self._updated_at) * self.rate)
        self._updated_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        self._reported = False
        return True

    def should_report(self) -> bool:
        """True for the first refusal in a row only, so that the error messages do not become a flood themselves."""
        first, self._reported = not self._reported, True
        return first
