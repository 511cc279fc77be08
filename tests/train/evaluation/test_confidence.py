"""A confidence of .7 is right seven times in ten, or the figure says how far it is from that."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoscope.train.evaluation.confidence import (
    calibration_error,
    chance_error,
    reliability,
    without_temperature,
)


def test_calibration_error_is_the_gap_between_confidence_and_truth():
    """Always .9 sure and right half of the time: .4."""
    scores = np.tile([0.9, 0.1], (10, 1))
    assert calibration_error(scores, np.array([0, 1] * 5)) == pytest.approx(0.4)


def test_calibration_error_by_hand():
    """Four at .65, three right: a gap of .1; six at .85, three right: .35; weighted 4 to 6."""
    scores = np.array([[0.65, 0.35]] * 4 + [[0.85, 0.15]] * 6)
    truth = np.array([0, 0, 0, 1, 0, 0, 0, 1, 1, 1])
    assert calibration_error(scores, truth) == pytest.approx(0.4 * 0.1 + 0.6 * 0.35)
    told = [(b.n, b.confidence, b.accuracy) for b in reliability(scores, truth)]
    assert told == [pytest.approx((4, 0.65, 0.75)), pytest.approx((6, 0.85, 0.5))]


def test_few_readings_of_a_perfect_model_show_an_error_by_chance():
    """It shrinks with their number, and a measured one is near it where the confidence is true."""
    rng = np.random.default_rng(3)
    found = {}
    for n in (100, 10_000):
        best = rng.uniform(0.5, 1.0, n)
        scores = np.stack([best, 1 - best], 1)
        truth = (rng.random(n) > best).astype(int)
        found[n] = chance_error(scores)
        assert calibration_error(scores, truth) == pytest.approx(found[n], abs=3 * found[n])
    assert found[10_000] < 0.2 * found[100]


@given(st.lists(st.floats(-2, 2), min_size=2, max_size=9), st.floats(0.5, 3))
def test_a_temperature_can_be_taken_back(logits, temperature):
    """Softmax at a temperature, then without it: the softmax of the logits themselves.

    As far as the six digits of an event's scores reach: hence no logits further apart.
    """

    def softmax(x):
        return np.exp(x - x.max()) / np.exp(x - x.max()).sum()

    raw = np.array(logits)
    back = without_temperature(softmax(raw / temperature)[None].round(6), [temperature])[0]
    np.testing.assert_allclose(back, softmax(raw), atol=2e-3)
