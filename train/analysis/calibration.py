"""Whether confidence can be believed: how often answers of each confidence are right, with and without temperature.

Guo et al. (2017), "On calibration of modern neural networks", section 2 and equation 3. The expected calibration error
is sum over bins of n_b / n |acc_b - conf_b|, with ten bins of equal width.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import SplitInvalid
from ..evaluation.calibration_inputs import ModelPredictions, uncalibrated
from ..evaluation.confidence import Bin, calibration_error, chance_error, reliability
from ..evaluation.predictions import final_answers
from ..evaluation.protocols import Protocol, apply_protocol

Interval = tuple[float, float]


@dataclass(frozen=True)
class Reliability:
    """The reliability diagram of the answers for clips, as the model gives them and before temperature.

    intervals  of the accuracy of each bin, 95 % (Wilson)
    ece_chance the error that a perfectly calibrated model would show on as few clips, on average
    clips      with an answer; silent: without one, which are left out
    """

    bins: tuple[Bin, ...]
    intervals: tuple[Interval, ...]
    bins_before: tuple[Bin, ...]
    ece: float
    ece_before: float
    ece_chance: float
    confidence: float
    accuracy: float
    clips: int
    silent: int


def reliability_of(by_model: Sequence[ModelPredictions], protocol: Protocol) -> Reliability:
    """The reliability over the clips of all models. SplitInvalid where none has an answer."""
    labels = by_model[0].model.labels
    predictions = [one for part in by_model for one in part.clips]
    names = [one.clip.label for one in predictions]
    scores, truth = apply_protocol(labels, final_answers(predictions, len(labels)), names, protocol)
    raw, _ = apply_protocol(labels, uncalibrated(by_model), names, protocol)
    there = scores.sum(1) > 0
    if not there.any():
        raise SplitInvalid("no clip has an answer: was there speech in them?")
    scores, raw, truth = scores[there], raw[there], truth[there]
    bins = reliability(scores, truth)
    return Reliability(
        bins=tuple(bins),
        intervals=tuple(wilson(one.accuracy, one.n) for one in bins),
        bins_before=tuple(reliability(raw, truth)),
        ece=calibration_error(scores, truth),
        ece_before=calibration_error(raw, truth),
        ece_chance=chance_error(scores),
        confidence=float(scores.max(1).mean()),
        accuracy=float((scores.argmax(1) == truth).mean()),
        clips=int(there.sum()),
        silent=int((~there).sum()),
    )


def wilson(share: float, count: int) -> Interval:
    """95 % interval of a share that was seen in `count` trials. Wilson (1927)."""
    z = 1.959964
    middle = share + z * z / (2 * count)
    half = z * float(np.sqrt(share * (1 - share) / count + z * z / (4 * count * count)))
    low, high = ((middle + sign * half) / (1 + z * z / count) for sign in (-1, 1))
    return max(0.0, low), min(1.0, high)
