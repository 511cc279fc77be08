"""How few frames hold the attention."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoscope.train.analysis.cumulative import GRID, concentration, cumulative, curve, share_that_holds

from .made_frames import utterance

WEIGHTS = st.lists(st.floats(0.001, 1), min_size=2, max_size=60)


def test_the_cumulative_attention_by_hand():
    """Shares .5, .3, .1, .1 in falling order: 0, .5, .8, .9, 1."""
    np.testing.assert_allclose(cumulative([0.1, 0.5, 0.1, 0.3]), [0, 0.5, 0.8, 0.9, 1])
    assert share_that_holds([0.1, 0.5, 0.1, 0.3], 0.8) == 0.5
    assert share_that_holds([0.1, 0.5, 0.1, 0.3], 0.81) == 0.75
    assert curve([0.1, 0.5, 0.1, 0.3])[[0, 25, 50, 100]] == pytest.approx([0, 0.5, 0.8, 1])
    assert curve([0.1, 0.5, 0.1, 0.3])[12] == pytest.approx(0.12 / 0.25 * 0.5), "between two frames it is linear"


def test_equal_frames_hold_as_much_as_they_are():
    """Of ten equal frames eight hold 80 %."""
    assert share_that_holds(np.ones(10)) == 0.8
    np.testing.assert_allclose(curve(np.ones(10)), GRID)


@given(WEIGHTS)
def test_the_curve_rises_to_one_and_lies_above_the_even_one(weights):
    """The most attended frames come first."""
    found = curve(weights)
    assert found[0] == 0 and found[-1] == pytest.approx(1)
    assert (np.diff(found) >= -1e-12).all() and (found >= GRID - 1e-9).all()


@given(WEIGHTS, st.randoms(), st.floats(0.1, 10))
def test_neither_order_nor_scale_of_the_weights_matters(weights, random, scale):
    """Only how the attention is divided counts."""
    other = [scale * weight for weight in weights]
    random.shuffle(other)
    np.testing.assert_allclose(curve(other), curve(weights), atol=1e-9)


def test_softmaxes_are_averaged_before_frames_are_ordered():
    """Two softmaxes that each look at one frame: by itself one frame of four holds all, of their mean two do."""
    sharp = np.array([[1, 0], [0, 1], [0, 0], [0, 0]]) + 1e-6
    found = concentration("m", [utterance(sharp)] * 3)
    assert found.softmaxes == 2 and found.each == pytest.approx(0.25)
    assert found.shares == pytest.approx([0.5] * 3) and found.ci95 == pytest.approx((0.5, 0.5))


def test_the_interval_is_over_speakers_where_there_are_six():
    """With fewer the utterances are resampled, and that is said."""
    one = [utterance([3, 1, 1, 1], speaker=f"{n}") for n in range(6)]
    assert concentration("m", one).by == "speaker"
    assert concentration("m", one[:5]).by == "utterance"
