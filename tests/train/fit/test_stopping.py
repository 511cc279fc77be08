"""Early stopping."""

from emoscope.train.fit.stopping import EarlyStopping, is_over


def test_a_stage_ends_when_nothing_gets_better():
    """`patience` epochs in a row without a new best."""
    stopping = EarlyStopping(patience=2)
    assert [stopping.over(score) for score in (0.1, 0.3, 0.2, 0.3)] == [False, False, False, True]


def test_a_phase_without_patience_never_ends_early():
    """And one with patience 1 ends with the first epoch that is not better."""
    assert not is_over([0.2, 0.1, 0.0], None)
    assert not is_over([0.1, 0.2], 1)
    assert is_over([0.2, 0.2], 1)
    assert not is_over([], 1)
