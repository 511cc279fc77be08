"""Confidence intervals by the percentile bootstrap over speakers or clips. Efron (1979)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .scores import Array, Truth, confusion, uar_of

ROUNDS = 2000
FEWEST_SPEAKERS = 6  # with fewer, clips are resampled instead, and the interval is too narrow


@dataclass(frozen=True)
class Resampled:
    """How often each clip is drawn in each round: weights (rounds, N), and what was drawn ("speaker" or "clip")."""

    weights: npt.NDArray[np.float64]
    by: str

    def interval(self, figure: Callable[[Array], Array], per_clip: Array) -> tuple[float, float]:
        """95 % interval of `figure`, a function of sums (rounds, ...) over clips of per_clip (N, ...)."""
        flat = per_clip.reshape(len(per_clip), -1)
        sums = (self.weights @ flat).reshape(-1, *per_clip.shape[1:])
        low, high = np.nanpercentile(figure(sums), [2.5, 97.5])
        return float(low), float(high)


def resample(speakers: Sequence[str], truth: Truth, seed: int = 0, rounds: int = ROUNDS) -> Resampled:
    """Resample speakers if there are at least FEWEST_SPEAKERS, else clips within each class.

    The clips of one speaker are correlated, so resampling clips underestimates the interval.
    """
    rng = np.random.default_rng(seed)
    names = sorted(set(speakers))
    if len(names) >= FEWEST_SPEAKERS:
        drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=rounds).astype(np.float64)
        return Resampled(drawn[:, np.searchsorted(names, np.array(speakers))], "speaker")
    weights = np.zeros((rounds, len(truth)))
    for c in np.unique(truth):
        rows = np.flatnonzero(truth == c)
        weights[:, rows] = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=rounds)
    return Resampled(weights, "clip")


def one_hot(answered: Truth, truth: Truth, classes: int) -> Array:
    """(N, C, C + 1) the confusion matrix of each clip."""
    return np.stack([confusion(answered[i : i + 1], truth[i : i + 1], classes) for i in range(len(truth))])


def interval(answered: Truth, truth: Truth, seed: int = 0, rounds: int = ROUNDS) -> tuple[float, float]:
    """95 % interval of the UAR, with clips resampled within each class."""
    classes = int(max(truth.max(), answered.max(initial=0))) + 1
    drawn = resample([""] * len(truth), truth, seed, rounds)
    return drawn.interval(uar_of, one_hot(answered, truth, classes))
