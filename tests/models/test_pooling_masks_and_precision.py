"""Every pooling: masks, weights, widths, devices and half precision (models/README.md)."""

from typing import Any

import pytest
import torch
from torch import nn

from emoscope.models.errors import UsageError
from emoscope.models.pooling import POOLINGS, BestSegmentPooling, MaxPooling, make_pooling
from emoscope.models.pooling.softmax import SoftmaxPooling

from .poolings import DIM, NAMES, close, frames, pooling, shown

torch.set_num_threads(1)


@pytest.mark.parametrize("name", NAMES)
def test_hidden_frames_change_nothing_whatever_they_hold(name: str) -> None:
    """Padding may be zero, huge or NaN: the reading, its gradient and the other rows of the batch stay as they are."""
    pool = pooling(name)
    x = frames(1, 12)
    alone = pool(x[:, :7], shown(x[:, :7]))
    padded = torch.cat([x, -x]).clone()
    padded[0, 7:] = torch.tensor([0.0, 1e6, float("nan"), -1e6, 1.0])[:, None]
    padded.requires_grad_()
    mask = torch.ones(2, 12, dtype=torch.bool)
    mask[0, 7:] = False
    out = pool(padded, mask)
    assert torch.allclose(out[0], alone[0], atol=1e-6)
    (gradient,) = torch.autograd.grad(out[0].sum(), padded, retain_graph=True)
    assert gradient.isfinite().all()
    assert (gradient[0, 7:] == 0).all()
    for parameter in pool.parameters():
        (gradient,) = torch.autograd.grad(out.sum(), parameter, retain_graph=True)
        assert gradient.isfinite().all()


@pytest.mark.parametrize("name", NAMES)
def test_a_mask_that_hides_everything_reads_as_zeros(name: str) -> None:
    """No frame at all gives the empty state: zeros, with finite gradients, and neutral in every merge."""
    pool = pooling(name)
    x = frames(2, 5)
    none, some = torch.zeros(1, 5, dtype=torch.bool), shown(x)
    empty, _ = pool.summarise(x, none)
    assert (pool.read(empty) == 0).all()
    assert (pool.read(pool.init_state()) == 0).all()
    assert (pool.weights(x, none) == 0).all()
    full, _ = pool.summarise(x, some)
    assert close(full.merge(empty), full, 1e-7)
    assert close(empty.merge(full), full, 1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_bfloat16_frames_leave_a_float32_state(name: str) -> None:
    """Half-precision features are pooled in float32: the reading is that of the same features in float32."""
    pool = pooling(name)
    x = frames(6, 400).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        state, scores = pool.summarise(x, shown(x))
    assert {array.dtype for array in state.arrays().values()} == {torch.float32}
    assert torch.allclose(pool.read(state), pool(x.float(), shown(x)), atol=1e-6)
    assert scores.dtype == torch.float32


@pytest.mark.parametrize("name", NAMES)
def test_weights_say_how_much_each_frame_counted(name: str) -> None:
    """Weights sum to one over the frames, are nowhere negative, and give back the weighted mean where there is one."""
    pool = pooling(name)
    x = frames(7, 9, batch=2)
    mask = shown(x)
    mask[1, 6:] = False
    weights = pool.weights(x, mask)
    assert torch.allclose(weights.sum(1), torch.ones(()), atol=1e-6)
    assert (weights >= 0).all() and (weights[1, 6:] == 0).all()
    if isinstance(pool, SoftmaxPooling):
        parts = x.reshape(2, 9, pool.heads, -1)
        mean = torch.einsum("btqh,bthk->bqhk", weights, parts).flatten(1)
        assert torch.allclose(pool(x, mask)[:, : mean.shape[1]], mean, atol=1e-6)


def test_padding_never_beats_negative_features_in_max_pooling() -> None:
    """Equation 1 read literally would let the padding's 0 win over features that are all negative; here it does not."""
    pool = MaxPooling(2)
    x = torch.tensor([[[-3.0, -1.0], [-2.0, -5.0], [0.0, 0.0]]])
    mask = torch.tensor([[True, True, False]])
    assert pool(x, mask).tolist() == [[-2.0, -1.0]]


def test_widths_are_those_of_the_paper() -> None:
    """Max and average give K, statistics 2K, attentive pooling 2QK, as sections 2.2.1 and 2.2.2 state."""
    widths = {name: make_pooling(name, DIM).width for name in POOLINGS}
    assert widths == {
        "max": 8, "average": 8, "statistics": 16, "AS": 16, "SA": 32, "MHA": 16,
        "MQMHA-2x2": 32, "MQMHA-2x4": 32, "MQMHA-4x4": 64, "reduced": 8,
    }  # fmt: skip


def test_unknown_poolings_and_uneven_heads_are_said() -> None:
    """A pooling that is not there lists those that are; heads that do not divide the features are an error."""
    with pytest.raises(UsageError, match="MQMHA-2x2"):
        make_pooling("mean", DIM)
    with pytest.raises(ValueError, match="do not divide"):
        make_pooling("MHA", 7)
    with pytest.raises(ValueError, match="stride"):
        BestSegmentPooling(nn.Linear(2, 2), segment=2, stride=3)


@pytest.mark.parametrize("name", sorted(POOLINGS))
def test_the_empty_state_lies_on_the_device_of_the_frames(name):
    """Every part of the interface works off the CPU, shown on the meta device."""
    pooling = make_pooling(name, 8).to("meta")
    state = pooling.init_state(2, device="meta")
    after = pooling.update(
        state, torch.randn(2, 5, 8, device="meta"), torch.ones(2, 5, dtype=torch.bool, device="meta")
    )
    assert {array.device.type for array in after.arrays().values()} == {"meta"}


def test_a_module_in_half_precision_still_scores_in_float32():
    """Only its rounded weights differ: the scores are those of the same weights in float32."""
    torch.manual_seed(0)
    half: Any = make_pooling("AS", 8).bfloat16()
    full: Any = make_pooling("AS", 8)
    full.load_state_dict({name: tensor.float() for name, tensor in half.state_dict().items()})
    features = 20 * torch.randn(1, 9, 8)
    torch.testing.assert_close(half.scores(features), full.scores(features), atol=1e-5, rtol=1e-5)
