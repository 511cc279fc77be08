"""Curves for tensorboard, and a rate that falls on a plateau: the same after a restart."""

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from emoscope.train.fit import fit
from emoscope.train.fit.curves import Curves

from .trainings import BATCHES, training


def test_curves_hold_loss_rate_and_score(tmp_path):
    """A scalar for each step, one for each epoch; a restart hides the steps that are made again."""
    drawn = Curves(tmp_path)
    for step in range(4):
        drawn.step(1.0 / (step + 1), 1e-3)
    drawn.epoch(0.5, 0.7)
    drawn.close()
    again = Curves(tmp_path, 2)
    again.step(9.0, 1e-3)
    again.close()
    read = EventAccumulator(str(tmp_path))
    read.Reload()
    assert [(one.step, one.value) for one in read.Scalars("loss")] == [(1, 1.0), (2, 0.5), (3, 9.0)]
    assert read.Scalars("rate")[0].value == pytest.approx(1e-3)
    Curves(None).step(1.0, 1.0)


def test_a_training_draws_the_rate_that_falls_on_a_plateau(tmp_path):
    """Halved after each epoch without a better score; the curve has every step."""
    made = training("plateau")
    fitted = fit(made, tmp_path / "x.safetensors", curves=tmp_path / "curves")
    [scores] = fitted.scores
    rate, expected = 0.05, []
    for epoch in range(len(scores)):
        expected += [rate] * BATCHES
        if epoch and scores[epoch] <= max(scores[:epoch]):
            rate /= 2
    read = EventAccumulator(str(tmp_path / "curves"))
    read.Reload()
    assert [one.value for one in read.Scalars("rate")] == pytest.approx(expected)
    assert [one.value for one in read.Scalars("score")] == pytest.approx(scores)
    assert rate < 0.05
