"""Attention against energy: whether a model merely listens to what is loud.

Leygue et al. (2025), section 4.3: an averaged correlation of rho = .20 +- .13 between attention weights and audio
energy, over the utterances of a balanced development set of MSP-Podcast.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .findings import interval_of_means
from .frames import Utterance

Array = npt.NDArray[np.float64]

QUIETEST = 1e-10  # mean square: -100 dBFS, so that digital silence has a level
FEWEST_FRAMES = 5  # a correlation over fewer says nothing
STEPS_DB = np.arange(-60, 1, 5, dtype=np.float64)
"""Borders of the levels at which attention is averaged, dB below the loudest frame of the utterance."""


@dataclass(frozen=True)
class Correlation:
    """Correlations within utterances, and the mean over them.

    values      (U,) of each utterance
    mean, std   over the utterances
    ci95        of the mean; `by` names what was resampled
    """

    name: str
    values: Array
    mean: float
    std: float
    ci95: tuple[float, float]
    by: str


@dataclass(frozen=True)
class AgainstEnergy:
    """How attention follows energy.

    energy, level, ranks  Pearson's correlation with a frame's energy, with its level in dB, and Spearman's with either
    steps    (S,) the middle of each step of level, dB below the loudest frame
    rates    (S,) the mean attention of frames there, as a multiple of an even share; NaN where there are none
    frames   (S,) how many frames that is of
    left_out utterances whose attention or energy does not vary, or that have too few frames
    """

    energy: Correlation
    level: Correlation
    ranks: Correlation
    steps: Array
    rates: Array
    frames: npt.NDArray[np.int64]
    left_out: int


def against_energy(utterances: Sequence[Utterance]) -> AgainstEnergy:
    """The correlations, over utterances of FEWEST_FRAMES frames or more in which both vary."""
    used = [
        one for one in utterances
        if len(one.weights) >= FEWEST_FRAMES and np.ptp(one.shares) > 0 and np.ptp(one.energy) > 0
    ]  # fmt: skip
    speakers = [one.clip.speaker for one in used]
    kinds: tuple[tuple[str, list[float]], ...] = (
        ("energy", [pearson(one.shares, one.energy) for one in used]),
        ("level in dB", [pearson(one.shares, level_db(one.energy)) for one in used]),
        ("ranks", [pearson(ranks(one.shares), ranks(one.energy)) for one in used]),
    )
    energy, level, ranked = (_correlation(name, values, speakers) for name, values in kinds)
    steps, rates, frames = _by_level(used)
    return AgainstEnergy(energy, level, ranked, steps, rates, frames, len(utterances) - len(used))


def level_db(energy: npt.ArrayLike) -> Array:
    """Energies as levels in dBFS, QUIETEST at the least."""
    return np.asarray(10 * np.log10(np.maximum(np.asarray(energy, np.float64), QUIETEST)))


def pearson(x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """Pearson's correlation of two series that both vary."""
    return float(np.corrcoef(np.asarray(x, np.float64), np.asarray(y, np.float64))[0, 1])


def ranks(values: npt.ArrayLike) -> Array:
    """Ranks from 0; equal values share their mean rank. Pearson's correlation of ranks is Spearman's."""
    _, place, counts = np.unique(np.asarray(values), return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - (counts + 1) / 2
    return np.asarray(middle[place], np.float64)


def _correlation(name: str, values: list[float], speakers: Sequence[str]) -> Correlation:
    if not values:
        nothing = float("nan")
        return Correlation(name, np.zeros(0), nothing, nothing, (nothing, nothing), "speaker")
    ci95, by = interval_of_means(values, speakers)
    array = np.array(values)
    return Correlation(name, array, float(array.mean()), float(array.std()), ci95, by)


def _by_level(used: Sequence[Utterance]) -> tuple[Array, Array, npt.NDArray[np.int64]]:
    middle = (STEPS_DB[:-1] + STEPS_DB[1:]) / 2
    total, count = np.zeros(len(middle)), np.zeros(len(middle), np.int64)
    for one in used:
        level = level_db(one.energy)
        below = level - level.max()
        place = np.clip(np.digitize(below, STEPS_DB) - 1, 0, len(middle) - 1)
        np.add.at(total, place, one.shares * len(one.shares))
        np.add.at(count, place, 1)
    rates = np.divide(total, count, out=np.full(len(middle), np.nan), where=count > 0)
    return middle, rates, count
