"""Confidence is made honest."""

import numpy as np
import pytest

from emoscope.train.acted.calibrate import HeldOutLogits, fit_calibration, probabilities
from emoscope.train.evaluation.confidence import calibration_error


def overconfident(factor: float, seconds: float, seed: int, n: int = 4000) -> HeldOutLogits:
    """Answers whose logits are `factor` times too large."""
    rng = np.random.default_rng(seed)
    honest = rng.normal(size=(n, 5)) * 1.5
    p = np.exp(honest) / np.exp(honest).sum(1, keepdims=True)
    truth = np.array([rng.choice(5, p=row) for row in p])
    return HeldOutLogits(honest * factor, truth, np.full(n, seconds), np.full(n, 1 / n))


def joined(*parts: HeldOutLogits) -> HeldOutLogits:
    return HeldOutLogits(
        *(np.concatenate([getattr(p, f) for p in parts]) for f in ("logits", "truth", "seconds", "weight"))
    )


def test_the_temperature_of_each_length_undoes_its_overconfidence():
    """Logits 2.5 times too large after half a second and 1.5 times after two: these temperatures are found."""
    held_out = joined(overconfident(2.5, 0.5, 0), overconfident(1.5, 2.0, 1))
    calibration = fit_calibration(held_out, seconds=(0.5, 2.0))
    assert calibration.temperature == pytest.approx((2.5, 1.5), rel=0.08)
    assert calibration_error(probabilities(held_out, calibration), held_out.truth) < 0.02


def test_unsure_is_said_where_answers_are_mostly_wrong():
    """A wrong answer costs half of what a right one gives, so a calibrated model speaks from about a third on."""
    calibration = fit_calibration(overconfident(1.0, 1.0, 2, 8000), seconds=(1.0,))
    assert calibration.unsure_below == pytest.approx(1 / 3, abs=0.07)
