"""The losses, samplers and phases of the published systems, against their equations."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from emoscope.models.systems import SegmentalConfig, build
from emoscope.models.systems.segmental import SegmentOutputs
from emoscope.train.published.losses import (
    focal_loss,
    inverse_frequency,
    pick_triplets,
    segmental_loss,
    subsample_majority,
    triplet_loss,
)
from emoscope.train.published.phases import ATTENTIVE, SEGMENTAL, enter, warm_up_then_cosine

torch.set_num_threads(1)


def test_the_focal_loss_is_equation_8():
    """-alpha (1 - p)^2 log p of the target class, averaged over the batch; without weights and gamma, cross entropy."""
    logits = torch.tensor([[1.0, -0.5, 0.2], [0.3, 2.0, -1.0]])
    targets, alpha = torch.tensor([0, 2]), torch.tensor([0.5, 1.0, 2.0])
    expected = 0.0
    for row, target in zip(logits.tolist(), targets.tolist(), strict=True):
        p = math.exp(row[target]) / sum(map(math.exp, row))
        expected -= float(alpha[target]) * (1 - p) ** 2 * math.log(p) / 2
    assert focal_loss(logits, targets, alpha).item() == pytest.approx(expected, rel=1e-5)
    plain = torch.nn.functional.cross_entropy(logits, targets)
    assert focal_loss(logits, targets, gamma=0.0).item() == pytest.approx(plain.item(), rel=1e-6)


def test_the_focal_loss_is_finite_for_sure_answers():
    """Certain and right, certain and wrong: no NaN in the loss or its gradient."""
    logits = torch.tensor([[90.0, -90.0], [-90.0, 90.0]], requires_grad=True)
    loss = focal_loss(logits, torch.tensor([0, 0]))
    loss.backward()
    assert logits.grad is not None
    assert loss.isfinite() and logits.grad.isfinite().all()


def test_class_weights_are_inverse_frequencies():
    """Half as many clips, twice the weight; a class without clips weighs nothing."""
    weights = inverse_frequency([10, 20, 0])
    assert weights.tolist() == pytest.approx([1.5, 0.75, 0.0])
    assert (weights * torch.tensor([10.0, 20.0, 0.0])).sum().item() == pytest.approx(30.0)


def test_majority_classes_are_subsampled_to_eight_to_one():
    """26:1 becomes 8:1, and the rare class stays whole."""
    labels = [0] * 260 + [1] * 10 + [2] * 50
    kept = np.asarray(labels)[subsample_majority(labels)]
    assert np.bincount(kept).tolist() == [80, 10, 50]
    assert (subsample_majority(labels, seed=1) != subsample_majority(labels, seed=2)).any()


def test_triplets_take_the_negative_closest_in_length():
    """A partner of the same class, and of the other classes the clip whose length is nearest to the partner's."""
    labels, seconds = [0, 0, 1, 1, 2], [1.0, 5.0, 1.2, 4.6, 9.0]
    rows = pick_triplets(labels, seconds)
    assert rows.tolist()[:2] == [[0, 1, 3], [1, 0, 2]]
    assert [row[0] for row in rows] == [0, 1, 2, 3]  # the fifth clip has no partner
    assert pick_triplets([0, 0], [1.0, 1.0]).shape == (0, 3)


def test_the_triplet_loss_is_equation_2():
    """max(d(a, p) - d(a, n) + 1, 0) with the L2 norm."""
    a, p = torch.zeros(2, 2), torch.tensor([[3.0, 4.0], [0.0, 1.0]])
    n = torch.tensor([[0.0, 2.0], [6.0, 8.0]])
    assert triplet_loss(a, p, n).tolist() == [5 - 2 + 1, 0]


def outputs_of_four_clips(config):
    torch.manual_seed(1)
    segments = 3 if config.segments else 0
    exists = torch.tensor([[True] * 3, [True, True, False], [True] * 3, [True, False, False]])[:, :segments]
    return SegmentOutputs(
        torch.randn(4, 5), torch.randn(4, 2), torch.randn(4, segments, 5), torch.randn(4, segments, 2), exists
    )


@pytest.mark.parametrize(
    ("segments", "triplet"),
    [(True, "none"), (True, "segments"), (True, "utterance"), (False, "none"), (False, "utterance")],
)
@pytest.mark.parametrize("alpha", [None, 0.2])
def test_the_loss_of_segmental_is_equations_1_3_and_4(segments, triplet, alpha):
    """Whole and segments, each weighted as the row of the table says, found term by term."""
    config = SegmentalConfig(speech={}, segments=segments, triplet=triplet, alpha=alpha)
    batch, targets = outputs_of_four_clips(config), torch.tensor([0, 0, 1, 1])
    triplets = np.array([[0, 1, 2], [2, 3, 0]])
    nll = 0.0
    for i, target in enumerate(targets.tolist()):
        nll -= torch.log_softmax(batch.whole_logits[i], 0)[target].item()
        for j in range(batch.exists.shape[1]):
            if batch.exists[i, j]:
                nll -= torch.log_softmax(batch.segment_logits[i, j], 0)[target].item()
    nll /= 4
    terms = []
    for a, p, n in triplets:
        if triplet == "utterance":
            terms.append(triplet_loss(batch.whole[a], batch.whole[p], batch.whole[n]).item())
        elif triplet == "segments":
            for j in range(3):
                if batch.exists[[a, p, n], j].all():
                    terms.append(triplet_loss(*(batch.segments[i, j] for i in (a, p, n))).item())
    if triplet == "none":
        expected = nll
    else:
        pulled = sum(terms) / len(terms)
        expected = nll + pulled if alpha is None else (1 - alpha) * nll + alpha * pulled
    assert segmental_loss(batch, targets, triplets, config).item() == pytest.approx(expected, rel=1e-5)


def test_the_three_phases_unfreeze_more_and_step_less():
    """Head, upper layers, everything, at 1e-5, 3e-6 and 1e-6, with weight decay .01 (section 2.3)."""
    model: Any = build("attentive", "tiny")
    counts: list[int] = []
    rates: list[float] = []
    for stage in ATTENTIVE:
        optimizer = enter(model, stage, upper=1)
        group = optimizer.param_groups[0]
        counts.append(sum(p.numel() for p in group["params"]))
        rates.append(group["lr"])
        assert group["weight_decay"] == 0.01
    head = sum(p.numel() for m in (model.pooling, model.text_pooling, model.classifier) for p in m.parameters())
    assert counts[0] == head < counts[1] < counts[2] == sum(p.numel() for p in model.parameters())
    assert rates == [1e-5, 3e-6, 1e-6]


def test_segmental_is_trained_by_plain_adam():
    """Adam, not AdamW, without weight decay, and the convolutions are frozen (section 4)."""
    model: Any = build("segmental", "tiny")
    optimizer = enter(model, SEGMENTAL[0])
    assert type(optimizer) is torch.optim.Adam
    assert optimizer.param_groups[0]["weight_decay"] == 0
    trained = {id(p) for p in optimizer.param_groups[0]["params"]}
    frozen = [name for name, p in model.named_parameters() if id(p) not in trained]
    assert frozen and all("feature_" in name for name in frozen)


def test_the_rate_warms_up_and_falls_as_a_cosine():
    """Linear up to 1, half way down in the middle, 0 at the end."""
    factor = warm_up_then_cosine(steps=110, warm_up=10)
    assert [factor(0), factor(9), factor(10)] == pytest.approx([0.1, 1.0, 1.0])
    assert factor(60) == pytest.approx(0.5)
    assert factor(110) == pytest.approx(0.0, abs=1e-9)
