"""How long to wait before the next try."""

from dataclasses import dataclass

FIRST_S = 0.25
LONGEST_S = 30.0
SETTLED_S = 5.0  # a connection that held so long was a good one: the next trouble is a new one


@dataclass
class Backoff:
    """Doubles with each try in a row, and is spread by chance, so that many clients do not come back at once."""

    tries: int = 0

    def lasted(self, open_s: float) -> None:
        """A connection was open for `open_s`."""
        if open_s >= SETTLED_S:
            self.tries = 0

    def delay_s(self, chance: float) -> float:
        """Seconds to wait before the next try; `chance` is in [0, 1). From a half of the step up to the whole."""
        step = min(LONGEST_S, FIRST_S * 2.0 ** min(self.tries, 16))
        self.tries += 1
        return step * (0.5 + chance / 2.0)
