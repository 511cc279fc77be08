"""Attention against energy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoscope.train.analysis.energy import STEPS_DB, against_energy, level_db, pearson, ranks

from .made_frames import utterance


def test_pearson_by_hand():
    """(1, 2, 3) and (1, 3, 2): covariance 1/3 of variances 2/3."""
    assert pearson([1, 2, 3], [1, 3, 2]) == pytest.approx(0.5)


def test_equal_values_share_their_mean_rank():
    """Two at the first two places have rank .5."""
    assert ranks([5, 1, 1, 9]).tolist() == [2, 0.5, 0.5, 3]


@given(st.lists(st.integers(1, 10_000), min_size=3, max_size=30))
def test_ranks_correlate_alike_with_energy_and_with_level(values):
    """The level rises with the energy, and so the order of frames is the same."""
    assert ranks(values).tolist() == ranks(level_db(np.array(values))).tolist()


def test_levels_are_in_db_and_silence_has_one():
    """A mean square of .01 is -20 dBFS."""
    assert level_db([1, 0.01, 0]).tolist() == pytest.approx([0, -20, -100])


def test_the_correlation_is_averaged_over_utterances():
    """One utterance follows its energy, the other does the opposite."""
    loud = [1, 2, 3, 4, 5, 6]
    found = against_energy([utterance(loud, loud), utterance(loud[::-1], loud)])
    assert found.energy.values == pytest.approx([1, -1])
    assert found.energy.mean == pytest.approx(0, abs=1e-9) and found.energy.std == pytest.approx(1)
    assert found.ranks.values == pytest.approx([1, -1]) and found.left_out == 0


def test_an_utterance_that_does_not_vary_is_left_out():
    """Its correlation does not exist; nor does that of four frames say anything."""
    loud = [1, 2, 3, 4, 5, 6]
    found = against_energy(
        [utterance(loud, loud), utterance([1] * 6, loud), utterance(loud), utterance(loud[:4], loud[:4])]
    )
    assert len(found.energy.values) == 1 and found.left_out == 3
    assert np.isnan(against_energy([utterance(loud)]).energy.mean)


def test_attention_by_level_is_a_multiple_of_the_even_share():
    """Half of the frames 17 dB below the others, with a third of their attention: 1.5 and .5 times."""
    found = against_energy([utterance([3, 3, 3, 1, 1, 1], [1, 1, 1, 0.02, 0.02, 0.02])])
    known = found.frames > 0
    assert found.rates[known] == pytest.approx([0.5, 1.5]) and found.frames[known].tolist() == [3, 3]
    assert found.steps[known].tolist() == [-17.5, -2.5] and len(found.steps) == len(STEPS_DB) - 1
