"""What models said about clips, and what can be read off it besides right and wrong."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from emoscope.models.reading import Calibration

from .confidence import without_temperature
from .intervals import resample
from .predictions import Heard, Said, clip_answer, dimensions_of
from .scores import Probabilities, ccc_of

Interval = tuple[float, float]


@dataclass(frozen=True)
class Model:
    """What must be known of the model that spoke: its labels, dimensions and calibration."""

    labels: tuple[str, ...]
    dimensions: tuple[str, ...]
    calibration: Calibration


@dataclass(frozen=True)
class Evidence:
    """Clips with what one model said about them. Models of cross-validation differ in their calibration."""

    model: Model
    heard: tuple[Heard, ...]


def before(said: Said, calibration: Calibration) -> Probabilities:
    """(L,) a reading's scores as they would be without temperature."""
    return np.asarray(without_temperature(np.array([said.scores]), calibration.at(said.seconds))[0])


def uncalibrated(evidence: Sequence[Evidence]) -> Probabilities:
    """(N, L) the clips' answers as they would be without temperature."""
    return np.stack(
        [
            clip_answer(
                [(u.final.seconds, before(u.final, part.model.calibration).tolist()) for u in h.utterances],
                len(part.model.labels),
            )
            for part in evidence
            for h in part.heard
        ]
    )


def thresholds(evidence: Sequence[Evidence]) -> npt.NDArray[np.float64]:
    """(N,) the confidence below which each clip's model says `unsure`."""
    return np.concatenate([np.full(len(part.heard), part.model.calibration.unsure_below) for part in evidence])


def agreement(
    heard: Sequence[Heard], dimensions: Sequence[str], seed: int
) -> tuple[dict[str, float], dict[str, Interval]]:
    """CCC of the dimensions that the model has, over the clips that were rated and heard."""
    rated = [(h.clip, dimensions_of(h)) for h in heard if h.clip.dimensions is not None]
    pairs = [(clip, told) for clip, told in rated if told is not None]
    if not pairs or not dimensions:
        return {}, {}
    values, intervals = {}, {}
    drawn = resample([clip.speaker for clip, _ in pairs], np.zeros(len(pairs), np.int64), seed)
    for place, name in enumerate(("arousal", "valence", "dominance")):
        if name not in dimensions:
            continue
        x = np.array([told[list(dimensions).index(name)] for _, told in pairs])
        y = np.array([clip.dimensions[place] for clip, _ in pairs if clip.dimensions is not None])
        moments = np.stack([np.ones(len(x)), x, y, x * x, y * y, x * y], 1)
        values[name] = float(ccc_of(moments.sum(0)))
        intervals[name] = drawn.interval(ccc_of, moments)
    return values, intervals
