"""Calibration of confidences: expected calibration error and reliability, before and after temperature scaling."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .scores import Probabilities, Truth, answers

BINS = 10
ROUNDED = 1e-6  # scores in events have six digits


@dataclass(frozen=True)
class Bin:
    """Readings of similar confidence: their number, their mean confidence, and the share that is right."""

    n: int
    confidence: float
    accuracy: float


def reliability(scores: Probabilities, truth: Truth, bins: int = BINS) -> list[Bin]:
    """The non-empty ones of equally wide bins from 0 to 1. Guo et al. (2017), section 2."""
    confidence, right = scores.max(1), answers(scores) == truth
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    rows = [np.flatnonzero(place == b) for b in range(bins)]
    return [Bin(len(r), float(confidence[r].mean()), float(right[r].mean())) for r in rows if len(r)]


def calibration_error(scores: Probabilities, truth: Truth, bins: int = BINS) -> float:
    """Expected calibration error of the best class. Guo et al. (2017), equation 3."""
    return float(sum(b.n * abs(b.accuracy - b.confidence) for b in reliability(scores, truth, bins)) / len(truth))


def chance_error(scores: Probabilities, seed: int = 0, rounds: int = 200) -> float:
    """The calibration error that a perfectly calibrated model would show on as few readings, on average.

    Each round draws right and wrong with the reported confidence. A measured error near this one is no evidence of
    miscalibration.
    """
    confidence = scores.max(1)
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    right = np.random.default_rng(seed).random((rounds, len(scores))) < confidence
    gap = right - confidence
    per_bin = np.stack([np.abs(gap[:, place == b].sum(1)) for b in range(BINS)], 1)
    return float(per_bin.sum(1).mean() / len(scores))


def without_temperature(scores: Probabilities, temperature: npt.ArrayLike) -> Probabilities:
    """Undo temperatures (N,) in probabilities (N, L): softmax of T times the logarithm."""
    logs = np.log(np.clip(scores, ROUNDED, None)) * np.asarray(temperature, np.float64).reshape(-1, 1)
    raised = np.exp(logs - logs.max(1, keepdims=True))
    return np.asarray(raised / raised.sum(1, keepdims=True), np.float64)
