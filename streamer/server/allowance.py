"""How many messages of one client are read: so many a second, some at once, and then it is the others' turn."""

TURN_MESSAGES = 32  # audio included, of one client, after which the others have their turn
BURST_S = 3.0  # so many seconds' worth may come at once


class Allowance:
    """A bucket that fills by `rate` a second. The caller says what time it is."""

    def __init__(self, rate: float, now: float) -> None:
        self.rate = rate
        self._left, self._at = BURST_S * rate, now
        self._said = False

    def take(self, now: float) -> bool:
        """Whether one more message may be read."""
        self._left = min(BURST_S * self.rate, self._left + (now - self._at) * self.rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        self._said = False
        return True

    def tell(self) -> bool:
        """Whether a refusal should be told: once an episode, or the answers would be a flood of their own."""
        first, self._said = not self._said, True
        return first
