"""Figures that are compared: unweighted average recall over a protocol's classes, with an interval."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Probabilities = npt.NDArray[np.float64]
Truth = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Protocol:
    """The classes that count. `merged` labels are read as another one: their probabilities are added to it."""

    name: str
    classes: tuple[str, ...]
    merged: Mapping[str, str]


RAVDESS_8 = Protocol("8 classes", ("angry", "calm", "disgust", "fearful", "happy", "neutral", "sad", "surprised"), {})
RAVDESS_7 = Protocol(
    "7 classes, calm merged into neutral",
    ("angry", "disgust", "fearful", "happy", "neutral", "sad", "surprised"),
    {"calm": "neutral"},
)


def judge(
    labels: Sequence[str], scores: Probabilities, truth: Sequence[str], protocol: Protocol
) -> tuple[Probabilities, Truth]:
    """Scores (N, L) over `labels` as the protocol counts them: merged, restricted, renormalised; and the true class.

    A row that says nothing (all zeros) stays zero.
    """
    place = {name: i for i, name in enumerate(protocol.classes)}
    counted = np.zeros((len(scores), len(place)))
    for i, label in enumerate(labels):
        target = place.get(protocol.merged.get(label, label))
        if target is not None:
            counted[:, target] += scores[:, i]
    total = counted.sum(1, keepdims=True)
    counted = np.divide(counted, total, out=np.zeros_like(counted), where=total > 0)
    return counted, np.array([place[protocol.merged.get(label, label)] for label in truth])


def answers(scores: Probabilities) -> Truth:
    """(N,) the best class of each row, -1 (never right) for a row that says nothing."""
    return np.where(scores.sum(1) > 0, scores.argmax(1), -1)


def uar(answered: Truth, truth: Truth) -> float:
    """Unweighted average recall: the mean over the classes of the share found in each."""
    return float(np.mean([(answered[truth == c] == c).mean() for c in np.unique(truth)]))


def macro_f1(answered: Truth, truth: Truth) -> float:
    """The mean over the true classes of 2 TP / (2 TP + FP + FN)."""
    found = []
    for c in np.unique(truth):
        right = ((answered == c) & (truth == c)).sum()
        found.append(2 * right / ((answered == c).sum() + (truth == c).sum()))
    return float(np.mean(found))


def interval(answered: Truth, truth: Truth, seed: int = 0, rounds: int = 2000) -> tuple[float, float]:
    """95 % of the UARs of resampled clips, each class resampled apart (percentile bootstrap, Efron 1979)."""
    rng = np.random.default_rng(seed)
    recalls = []
    for c in np.unique(truth):
        right = answered[truth == c] == c
        recalls.append(right[rng.integers(len(right), size=(rounds, len(right)))].mean(1))
    low, high = np.percentile(np.mean(recalls, 0), [2.5, 97.5])
    return float(low), float(high)


def calibration_error(scores: Probabilities, truth: Truth, bins: int = 10) -> float:
    """Expected calibration error of the best class. Guo et al. (2017), equation 3."""
    confidence, right = scores.max(1), answers(scores) == truth
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        abs(right[place == b].mean() - confidence[place == b].mean()) * (place == b).mean()
        for b in range(bins)
        if (place == b).any()
    ]
    return float(sum(gaps))
