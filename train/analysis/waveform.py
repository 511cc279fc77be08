"""Attention over the waveform of single recordings. Leygue et al. (2025), section 4.3 and figure 3."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..corpora.audio import Samples
from .frames import RATE, Utterance

Array = npt.NDArray[np.float64]

COLUMNS = 800  # points of a waveform


@dataclass(frozen=True)
class Waveform:
    """A recording as it is drawn.

    name     of the recording
    seconds  its length
    times    (n,) seconds; lows, highs (n,): the lowest and highest samples there, as shares of the loudest
    rates    for each utterance: the borders of its frames (T + 1,), seconds, and the attention of each (T,), as a
             multiple of an even share
    """

    name: str
    seconds: float
    times: Array
    lows: Array
    highs: Array
    rates: tuple[tuple[Array, Array], ...]

    def rate_at(self, times: Array) -> Array:
        """The attention at times (n,), as a multiple of an even share; 0 outside of utterances."""
        found = np.zeros(len(times))
        for edges, rates in self.rates:
            place = np.searchsorted(edges, times, side="right") - 1
            inside = (place >= 0) & (place < len(rates))
            found[inside] = rates[place[inside]]
        return found


def waveform(name: str, audio: Samples, utterances: Sequence[Utterance]) -> Waveform:
    """A recording (16 kHz, mono) with the attention on it."""
    each = max(1, -(-len(audio) // COLUMNS))
    cut = np.pad(audio, (0, -len(audio) % each), mode="edge").reshape(-1, each).astype(np.float64)
    loudest = max(1e-6, float(np.abs(audio).max(initial=0.0)))
    rates = tuple((one.start + one.frame * np.arange(len(one.weights) + 1)) / RATE for one in utterances)
    return Waveform(
        name,
        len(audio) / RATE,
        (np.arange(len(cut)) + 0.5) * each / RATE,
        cut.min(1) / loudest,
        cut.max(1) / loudest,
        tuple((edges, one.shares * len(one.weights)) for edges, one in zip(rates, utterances, strict=True)),
    )


def strongest(one: Utterance, count: int = 3, apart_s: float = 0.2) -> list[tuple[float, float]]:
    """(second, attention as a multiple of an even share) of the most attended frames, at least `apart_s` apart."""
    found: list[tuple[float, float]] = []
    rates, times = one.shares * len(one.weights), one.centres_s
    for place in np.argsort(-rates, kind="stable"):
        if len(found) == count:
            break
        if all(abs(times[place] - time) >= apart_s for time, _ in found):
            found.append((float(times[place]), float(rates[place])))
    return found
