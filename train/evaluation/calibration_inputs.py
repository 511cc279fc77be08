"""The predictions of several models for a set of clips, and the inputs of calibration and CCC that follow from them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from emoscope.models.reading import Calibration

from .confidence import without_temperature
from .intervals import resample
from .predictions import ClipPredictions, Prediction, clip_answer, dimensions_of
from .scores import Probabilities, ccc_of

Interval = tuple[float, float]


@dataclass(frozen=True)
class Model:
    """The labels, dimensions and calibration of the model that made the predictions."""

    labels: tuple[str, ...]
    dimensions: tuple[str, ...]
    calibration: Calibration


@dataclass(frozen=True)
class ModelPredictions:
    """The predictions of one model for its clips. The models of a cross-validation differ in their calibration."""

    model: Model
    clips: tuple[ClipPredictions, ...]


def without_calibration(prediction: Prediction, calibration: Calibration) -> Probabilities:
    """(L,) the scores of a reading before temperature scaling."""
    return np.asarray(without_temperature(np.array([prediction.scores]), calibration.at(prediction.seconds))[0])


def uncalibrated(by_model: Sequence[ModelPredictions]) -> Probabilities:
    """(N, L) the answers for the clips before temperature scaling."""
    return np.stack(
        [
            clip_answer(
                [
                    (u.final.seconds, without_calibration(u.final, part.model.calibration).tolist())
                    for u in h.utterances
                ],
                len(part.model.labels),
            )
            for part in by_model
            for h in part.clips
        ]
    )


def thresholds(by_model: Sequence[ModelPredictions]) -> npt.NDArray[np.float64]:
    """(N,) the confidence below which the model of each clip reports `unsure`."""
    return np.concatenate([np.full(len(part.clips), part.model.calibration.unsure_below) for part in by_model])


def agreement(
    predictions: Sequence[ClipPredictions], dimensions: Sequence[str], seed: int
) -> tuple[dict[str, float], dict[str, Interval]]:
    """CCC of the model's dimensions, with 95 % intervals, over the rated clips that have a prediction."""
    rated = [(h.clip, dimensions_of(h)) for h in predictions if h.clip.dimensions is not None]
    pairs = [(clip, values) for clip, values in rated if values is not None]
    if not pairs or not dimensions:
        return {}, {}
    ccc, intervals = {}, {}
    drawn = resample([clip.speaker for clip, _ in pairs], np.zeros(len(pairs), np.int64), seed)
    for place, name in enumerate(("arousal", "valence", "dominance")):
        if name not in dimensions:
            continue
        x = np.array([predicted[list(dimensions).index(name)] for _, predicted in pairs])
        y = np.array([clip.dimensions[place] for clip, _ in pairs if clip.dimensions is not None])
        moments = np.stack([np.ones(len(x)), x, y, x * x, y * y, x * y], 1)
        ccc[name] = float(ccc_of(moments.sum(0)))
        intervals[name] = drawn.interval(ccc_of, moments)
    return ccc, intervals
