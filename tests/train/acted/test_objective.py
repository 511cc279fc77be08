"""Losses of a batch."""

import pytest
import torch

from emoscope.train.acted.objective import divergence, unacted_loss
from emoscope.train.corpora import CALM_LIKE, LABELS


def test_read_speech_is_right_with_any_calm_label_and_wrong_with_others():
    """The loss is the same whichever of the calm labels has the probability, and large where none has it."""
    logits = torch.full((1, len(LABELS)), -10.0)
    calm = []
    for label in CALM_LIKE:
        row = logits.clone()
        row[0, LABELS.index(label)] = 10.0
        calm.append(float(unacted_loss(LABELS, row)))
    sad = logits.clone()
    sad[0, LABELS.index("sad")] = 10.0
    assert max(calm) < 1e-3 and float(unacted_loss(LABELS, sad)) > 10


def test_the_divergence_is_that_of_kullback_and_leibler_and_nothing_where_both_agree():
    """By hand: .5 and .5 where the teacher says .9 and .1 is .9 log(.9 / .5) + .1 log(.1 / .5)."""
    even, sure = torch.zeros(1, 2), torch.tensor([[0.9, 0.1]]).log()
    none, some = torch.zeros(1, 3), torch.tensor([[0.3, 0.0, 0.0]])
    assert float(divergence((sure, none), (sure, none))) == pytest.approx(0, abs=1e-6)
    assert float(divergence((even, none), (sure, none))) == pytest.approx(0.3681, abs=1e-4)
    assert float(divergence((sure, some), (sure, none))) == pytest.approx(0.03, abs=1e-6)
