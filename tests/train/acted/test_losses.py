"""The loss asks a clip only about labels that its corpus has."""

import pytest
import torch

from emoscope.train.acted.losses import mixed_cross_entropy, outside, restricted_cross_entropy
from emoscope.train.fit.concordance import concordance_loss

ALLOWED = torch.tensor([[True, True, False, True], [True, False, True, True]])
TARGETS = torch.tensor([1, 2])


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_label_that_the_corpus_lacks_is_pushed_neither_up_nor_down(smoothing):
    """Its logit gets no gradient, and its value changes no loss."""
    logits = torch.randn(2, 4, generator=torch.Generator().manual_seed(0), requires_grad=True)
    restricted_cross_entropy(logits, TARGETS, ALLOWED, smoothing).sum().backward()
    assert logits.grad is not None
    assert (logits.grad[~ALLOWED] == 0).all()
    assert (logits.grad[ALLOWED] != 0).all()


def test_over_the_allowed_labels_it_is_plain_cross_entropy():
    """The same figure as PyTorch's own over a head that has those labels only."""
    logits = torch.randn(2, 4, generator=torch.Generator().manual_seed(1))
    plain = torch.nn.functional.cross_entropy(logits[:1, [0, 1, 3]], torch.tensor([1]), label_smoothing=0.1)
    torch.testing.assert_close(restricted_cross_entropy(logits, TARGETS, ALLOWED, 0.1)[0], plain)


def test_a_mixed_clip_is_judged_over_both_corpora_apart():
    """The shares weigh the two losses, each restricted to its own labels; the result is finite."""
    logits = torch.randn(2, 4, generator=torch.Generator().manual_seed(2))
    share = torch.tensor([0.7, 1.0])
    mixed = mixed_cross_entropy(logits, TARGETS, ALLOWED, torch.tensor([1, 0]), share)
    own = restricted_cross_entropy(logits, TARGETS, ALLOWED)
    crossed = restricted_cross_entropy(logits[:1], TARGETS[1:], ALLOWED[1:])[0]
    torch.testing.assert_close(mixed, (0.7 * own[0] + 0.3 * crossed + own[1]) / 2)


def test_labels_outside_a_corpus_are_free_up_to_their_even_share():
    """Of four labels one is outside: a quarter costs nothing, all of it costs three quarters."""
    even = torch.zeros(2, 4)
    torch.testing.assert_close(outside(even, ALLOWED), torch.zeros(2))
    wrong = torch.full((2, 4), -30.0).masked_fill(~ALLOWED, 30.0)
    torch.testing.assert_close(outside(wrong, ALLOWED), torch.full((2,), 0.75))
    right = torch.full((2, 4), -30.0).masked_fill(ALLOWED, 30.0)
    torch.testing.assert_close(outside(right, ALLOWED), torch.zeros(2))


def test_concordance_is_one_for_the_same_and_lower_for_a_shift_a_scale_or_noise():
    """Lin's coefficient of a column with itself is 1; shifted by its own deviation it is 2/3."""
    told = torch.randn(4000, 1, generator=torch.Generator().manual_seed(3))
    told = (told - told.mean()) / told.std(correction=0)
    assert concordance_loss(told, told).item() == pytest.approx(0, abs=1e-5)
    assert concordance_loss(told + 1, told).item() == pytest.approx(1 - 2 / 3, abs=1e-4)
    assert concordance_loss(3 * told, told).item() == pytest.approx(1 - 6 / 10, abs=1e-4)
    assert concordance_loss(-told, told).item() == pytest.approx(2, abs=1e-4)
