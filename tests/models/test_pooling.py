"""Merging states in any order equals a softmax over all frames at once."""

import itertools
import random

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from emoscope.models import SoftmaxState
from emoscope.models.pooling import AttentivePooling, summarise

QUERIES, HEADS, PART = 2, 2, 3


def frames(count, seed, spread):
    draw = np.random.default_rng(seed)
    scores = draw.uniform(-spread, spread, (count, QUERIES, HEADS))
    features = draw.normal(draw.uniform(-5, 5), draw.uniform(0.01, 3), (count, HEADS, PART))
    return scores.astype(np.float32), features.astype(np.float32)


def two_pass(scores, features):
    """Softmax-weighted mean and standard deviation in float64."""
    scores, features = scores.astype(np.float64), features.astype(np.float64)
    weight = np.exp(scores - scores.max(0))
    weight /= weight.sum(0)
    mean = np.einsum("tqh,thk->qhk", weight, features)
    deviation = np.einsum("tqh,tqhk->qhk", weight, (features[:, None] - mean) ** 2) ** 0.5
    return mean, deviation


def state_of(scores, features, mask=None):
    mask = torch.ones(1, len(scores), dtype=torch.bool) if mask is None else mask
    made = summarise(torch.from_numpy(scores)[None], torch.from_numpy(features)[None], mask)
    return made.map(lambda array: array[0].numpy())


def close(one, other):
    for name, array in one.arrays().items():
        np.testing.assert_allclose(array, getattr(other, name), atol=2e-5, rtol=1e-5)


many = st.one_of(st.integers(1, 60), st.integers(60, 10_000))


@given(many, st.integers(0, 2**32 - 1), st.floats(0, 80), st.lists(st.floats(0, 1), max_size=8), st.randoms())
@example(10_000, 1, 80.0, [0.3, 0.31, 0.9], random.Random(0))
def test_merged_pieces_equal_the_whole(count, seed, spread, shares, shuffler):
    """Any split into pieces, merged in any order, is the two-pass softmax pooling of all frames within 1e-5."""
    scores, features = frames(count, seed, spread)
    borders = sorted({int(share * count) for share in shares} | {0, count})
    pieces = [state_of(scores[a:b], features[a:b]) for a, b in itertools.pairwise(borders)]
    shuffler.shuffle(pieces)
    merged = pieces[0]
    for piece in pieces[1:]:
        merged = merged.merge(piece)
    mean, deviation = two_pass(scores, features)
    scale = max(1.0, float(np.abs(features).max()))
    np.testing.assert_allclose(merged.mean, mean, atol=1e-5 * scale)
    np.testing.assert_allclose(np.sqrt(merged.variance), deviation, atol=1e-5 * scale)


@given(st.integers(1, 200), st.integers(0, 2**32 - 1), st.floats(0, 80))
def test_merge_is_associative_and_commutative(count, seed, spread):
    """Segments may be encoded in any order, on any machine."""
    scores, features = frames(3 * count, seed, spread)
    a, b, c = (state_of(scores[i::3], features[i::3]) for i in range(3))
    close(a.merge(b), b.merge(a))
    close(a.merge(b).merge(c), a.merge(b.merge(c)))


@given(st.integers(1, 50), st.integers(0, 1000))
def test_the_empty_state_changes_nothing(count, seed):
    """A window that owns no frame, or a mask that hides everything, is the neutral element."""
    scores, features = frames(count, seed, 20.0)
    whole = state_of(scores, features)
    empty = state_of(scores, features, torch.zeros(1, count, dtype=torch.bool))
    close(whole.merge(empty), whole)
    close(empty.merge(whole), whole)
    assert (empty.mass == 0).all() and np.isneginf(empty.peak).all()
    assert not np.isnan(empty.merge(empty).mean).any()


def test_numpy_and_torch_states_merge_alike():
    """The session merges in NumPy, training in torch, by the same lines."""
    one, other = (state_of(*frames(40, seed, 30.0)) for seed in (1, 2))
    torched = one.map(torch.from_numpy).merge(other.map(torch.from_numpy)).map(lambda array: array.numpy())
    close(one.merge(other), torched)


def test_a_frame_that_hardly_counts_keeps_its_variance():
    """A share of 4e-7 beside one of 1 is not rounded away, whichever side of the merge it is on."""
    scores, features = frames(28, 33, 76.0)
    whole = np.sqrt(state_of(scores, features).variance)
    early, late = state_of(scores[:14], features[:14]), state_of(scores[14:], features[14:])
    for merged in (early.merge(late), late.merge(early)):
        np.testing.assert_allclose(np.sqrt(merged.variance), whole, rtol=1e-4)


def test_a_half_life_makes_old_frames_count_less():
    """Weighing a state by -ln 2 halves its mass against a newer one."""
    features = np.ones((1, HEADS, PART), np.float32)
    scores = np.zeros((1, QUERIES, HEADS), np.float32)
    old, new = state_of(scores, features), state_of(scores, 4 * features)
    np.testing.assert_allclose(old.weighted(-np.log(2.0)).merge(new).mean, 3.0, rtol=1e-6)


@pytest.mark.parametrize("scorer", ["linear", "mlp"])
def test_pooling_learns_and_streams_what_it_learned(scorer):
    """Gradients reach the scorer through merged states, and updates piece by piece equal the whole forward."""
    torch.manual_seed(0)
    pooling = AttentivePooling(8, queries=2, heads=4, scorer=scorer)
    features = torch.randn(3, 50, 8)
    mask = torch.rand(3, 50) > 0.2
    state = pooling.init_state(3)
    for piece in range(0, 50, 7):
        state = pooling.update(state, features[:, piece : piece + 7], mask[:, piece : piece + 7])
    pooled = pooling.read(state)
    torch.testing.assert_close(pooled, pooling(features, mask), atol=1e-5, rtol=1e-5)
    assert pooled.shape == (3, pooling.width)
    pooled.square().sum().backward()
    for parameter in pooling.parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all() and parameter.grad.abs().sum() > 0


def test_bf16_features_keep_a_float32_state():
    """Half precision may come in; what is kept never is."""
    pooling = AttentivePooling(8).bfloat16()
    state, _ = pooling.summarise(torch.randn(1, 9, 8, dtype=torch.bfloat16), torch.ones(1, 9, dtype=torch.bool))
    assert {array.dtype for array in state.arrays().values()} == {torch.float32}


def test_attention_sums_to_one_over_all_frames():
    """The shares of frames scored in two windows, in their merged state, are one softmax."""
    (s1, f1), (s2, f2) = frames(30, 5, 8.0), frames(20, 6, 8.0)
    merged = state_of(s1, f1).merge(state_of(s2, f2))
    assert isinstance(merged, SoftmaxState)
    shares = merged.attention(np.concatenate([s1, s2]).reshape(50, -1))
    assert shares.shape == (50,) and abs(shares.sum() - 1) < 1e-5


def test_heads_that_do_not_divide_the_features_are_refused():
    """The message names both numbers."""
    with pytest.raises(ValueError, match=r"8 .* 3 heads"):
        AttentivePooling(8, heads=3)
