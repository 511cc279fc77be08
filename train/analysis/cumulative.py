"""How few frames hold the attention: the cumulative distribution of attention weights.

Leygue et al. (2025), section 4.3 and figure 4: "on average, 15 % of frames account for 80 % of the cumulative attention
weight", for one softmax (AS pooling) on MSP-Podcast.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .findings import interval_of_means
from .frames import Utterance

Array = npt.NDArray[np.float64]

MOST = 0.8
GRID = np.linspace(0.0, 1.0, 101)
MARKS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.5)
"""Shares of frames at which the table says how much attention they hold."""


@dataclass(frozen=True)
class Concentration:
    """The cumulative attention of one model.

    name       of the model
    curves     (U, 101) of each utterance: the attention on its most attended frames, at shares of frames from 0 to 1
    shares     (U,) the share of frames that holds `MOST` of the attention
    each       the mean of the same for each single softmax, before the softmaxes are averaged
    softmaxes  how many there are
    ci95       of the mean of `shares`; `by` names what was resampled
    """

    name: str
    curves: Array
    shares: Array
    each: float
    softmaxes: int
    ci95: tuple[float, float]
    by: str

    @property
    def mean(self) -> Array:
        """(101,) the mean curve."""
        return np.asarray(self.curves.mean(0))


def concentration(name: str, utterances: Sequence[Utterance]) -> Concentration:
    """The cumulative attention over utterances of two frames or more."""
    curves = np.stack([curve(one.shares) for one in utterances])
    shares = np.array([share_that_holds(one.shares, MOST) for one in utterances])
    single = [
        share_that_holds(one.weights[:, group], MOST) for one in utterances for group in range(one.weights.shape[1])
    ]
    ci95, by = interval_of_means(shares, [one.clip.speaker for one in utterances])
    return Concentration(
        name, curves, shares, float(np.mean(single)), utterances[0].weights.shape[1], ci95,
        "speaker" if by == "speaker" else "utterance",
    )  # fmt: skip


def cumulative(weights: npt.ArrayLike) -> Array:
    """(T + 1,) attention on the 0, 1, ... T most attended frames, as shares of the whole."""
    ordered = np.sort(np.asarray(weights, np.float64))[::-1]
    return np.concatenate([[0.0], np.cumsum(ordered) / ordered.sum()])


def curve(weights: npt.ArrayLike) -> Array:
    """(101,) the cumulative attention at shares of frames from 0 to 1; between two frames it is linear."""
    held = cumulative(weights)
    return np.asarray(np.interp(GRID, np.linspace(0, 1, len(held)), held))


def share_that_holds(weights: npt.ArrayLike, most: float = MOST) -> float:
    """The smallest share of frames that together hold at least `most` of the attention.

    >>> share_that_holds([0.5, 0.1, 0.3, 0.1])
    0.5
    """
    held = cumulative(weights)
    return float(np.argmax(held >= most - 1e-9)) / (len(held) - 1)
