"""Every pooling: exact, mergeable and differentiable (models/README.md)."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from emoscope.models.pool_state import KINDS
from emoscope.models.pooling import POOLINGS, BestSegmentPooling
from emoscope.models.pooling.softmax import SoftmaxPooling, summarise

from .poolings import DIM, NAMES, close, cuts, frames, pooling, shown, two_pass

torch.set_num_threads(1)


@given(
    seed=st.integers(0, 10**6),
    count=st.one_of(st.integers(1, 40), st.integers(1, 10_000)),
    spread=st.sampled_from([0.0, 1.0, 10.0, 80.0]),
    at=cuts,
    grid=st.sampled_from([(1, 1), (2, 1), (1, 2), (2, 2), (2, 4), (4, 4)]),
)
@settings(max_examples=60, deadline=None)
def test_merged_states_equal_a_two_pass_float64_softmax(
    seed: int, count: int, spread: float, at: list[float], grid: tuple[int, int]
) -> None:
    """Merged states equal a two-pass float64 softmax pooling, 1 to 10,000 frames, scores up to +-80."""
    x = frames(seed, count)
    queries, heads = grid
    noise = torch.rand(1, count, queries, heads, generator=torch.Generator().manual_seed(seed + 1))
    scores = (2 * noise - 1) * spread
    parts = x.reshape(1, count, heads, -1)
    edges = [0, *sorted(int(c * count) for c in at), count]
    state = None
    for a, b in itertools.pairwise(edges):
        if a == b:
            continue
        piece = summarise(scores[:, a:b], parts[:, a:b], shown(x[:, a:b]))
        state = piece if state is None else state.merge(piece)
    assert state is not None
    mean, deviation = two_pass(scores, x)
    assert torch.allclose(state.mean.double(), mean, atol=1e-5)
    assert torch.allclose(state.variance.sqrt().double(), deviation, atol=1e-5)


@pytest.mark.parametrize("name", POOLINGS)
@given(
    seed=st.integers(0, 10**6),
    count=st.one_of(st.integers(1, 40), st.integers(1, 10_000)),
    spread=st.floats(0, 80),
    at=cuts,
)
@settings(max_examples=12, deadline=None)
def test_every_pooling_reads_what_float64_reads(
    name: str, seed: int, count: int, spread: float, at: list[float]
) -> None:
    """What each pooling reads from merged pieces, against one pass over all frames in float64, with scores to +-80."""
    pool = pooling(name)
    x = frames(seed, count)
    if isinstance(pool, SoftmaxPooling):
        plain = pool.scores
        loudest = plain(x).abs().max().clamp_min(1e-6)
        pool.scores = lambda features: plain(features) * (spread / loudest)  # type: ignore[method-assign]
        mean, deviation = two_pass(pool.scores(x), x)
        parts = [mean.flatten(1), deviation.flatten(1)] if pool.deviations else [mean.flatten(1)]
        expected = torch.cat(parts, 1)
    else:
        expected = x.double().amax(1)
    state = pool.init_state()
    edges = [0, *sorted(int(c * count) for c in at), count]
    for a, b in itertools.pairwise(edges):
        if a < b:
            state = pool.update(state, x[:, a:b], shown(x[:, a:b]))
    assert torch.allclose(pool.read(state).double(), expected, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
@given(seed=st.integers(0, 10**6), sizes=st.tuples(*[st.integers(0, 30)] * 3))
@settings(max_examples=15, deadline=None)
def test_merge_is_associative_and_commutative(name: str, seed: int, sizes: tuple[int, int, int]) -> None:
    """However windows are grouped and ordered, the merged state is the same, empty windows included."""
    pool = pooling(name)
    a, b, c = (
        pool.summarise(frames(seed + i, max(n, 1)), shown(frames(0, max(n, 1))) & (n > 0))[0]
        for i, n in enumerate(sizes)
    )
    assert close(pool.merge(a, b), pool.merge(b, a))
    assert close(pool.merge(pool.merge(a, b), c), pool.merge(a, pool.merge(b, c)))


@pytest.mark.parametrize("name", POOLINGS)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 300), at=cuts)
@settings(max_examples=15, deadline=None)
def test_frames_in_any_pieces_read_as_the_whole(name: str, seed: int, count: int, at: list[float]) -> None:
    """`forward` of a whole utterance is what its pieces, added one by one to the empty state, read as."""
    pool = pooling(name)
    x = frames(seed, count)
    state = pool.init_state()
    edges = [0, *sorted(int(c * count) for c in at), count]
    for a, b in itertools.pairwise(edges):
        if a < b:
            state = pool.update(state, x[:, a:b], shown(x[:, a:b]))
    whole = pool(x, shown(x))
    assert whole.shape == (1, pool.width)
    assert torch.allclose(pool.read(state), whole, atol=1e-5)
    assert torch.allclose(pool.read(pool.update(pool.init_state(), x, shown(x))), whole, atol=1e-7)


@given(seed=st.integers(0, 10**6), lengths=st.lists(st.integers(1, 25), min_size=1, max_size=5))
@settings(max_examples=25, deadline=None)
def test_the_best_of_merged_segments_is_the_best_of_all(seed: int, lengths: list[int]) -> None:
    """Windows that each hold whole segments merge into the segment that a float64 search over all would take."""
    pool = pooling("best")
    assert isinstance(pool, BestSegmentPooling)
    windows = [frames(seed + i, n) for i, n in enumerate(lengths)]
    state = pool.init_state()
    best, answer = -1.0, None
    for x in windows:
        state = pool.update(state, x, shown(x))
        for start in pool.starts(x.shape[1]):
            mean = x[0, start : start + pool.segment].double().mean(0)
            head = pool._head[0]
            p = torch.softmax(head.weight.double() @ mean + head.bias.double(), 0).max().item()
            if p > best:
                best, answer = p, mean
    assert answer is not None
    assert torch.allclose(pool.read(state)[0].double(), answer, atol=1e-5)
    assert torch.sigmoid(state.odds.double()).item() == pytest.approx(best, abs=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_of_merged_pieces_is_that_of_the_whole(name: str) -> None:
    """Training on merged windows follows the same gradient as training on the frames at once."""
    pool = pooling(name)
    x = frames(4, 16).requires_grad_()
    target = frames(5, pool.width, 1)[:, :, 0]
    state = pool.init_state()
    if name == "best":
        parts = [x[:, start : start + 4] for start in pool.starts(16)]  # type: ignore[operator]
    else:
        parts = [x[:, :3], x[:, 3:11], x[:, 11:]]
    for part in parts:
        state = pool.update(state, part, shown(part))
    inputs = [x, *(p for p in pool.parameters())]
    merged = torch.autograd.grad((pool.read(state) * target).sum(), inputs)
    whole = torch.autograd.grad((pool(x, shown(x)) * target).sum(), inputs)
    for a, b in zip(merged, whole, strict=True):
        assert torch.allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_half_lives_forget_in_any_steps(name: str) -> None:
    """Forgetting twice is forgetting once for the whole time, and distributes over merging."""
    pool = pooling(name)
    a, b = (pool.summarise(frames(i, 6), shown(frames(i, 6)))[0] for i in (8, 9))
    once = pool.forget(pool.merge(a, b), 5.0, 2.0)
    twice = pool.merge(pool.forget(pool.forget(a, 1.0, 2.0), 4.0, 2.0), pool.forget(b, 5.0, 2.0))
    assert close(once, twice)


def test_after_one_half_life_old_frames_count_half() -> None:
    """Average pooling with a half-life: a frame that is one half-life old has half the weight of a new one."""
    pool = pooling("average")
    old, new = torch.zeros(1, 1, DIM), torch.ones(1, 1, DIM)
    state = pool.update(pool.forget(pool.update(pool.init_state(), old, shown(old)), 3.0, 3.0), new, shown(new))
    assert torch.allclose(pool.read(state), torch.full((1, DIM), 2 / 3))


@pytest.mark.parametrize("name", NAMES)
def test_a_session_merges_the_same_states_in_numpy(name: str) -> None:
    """The arrays of a state may be NumPy's: merging gives the same numbers, without a batch axis and without torch."""
    pool = pooling(name)
    a, b = (pool.summarise(frames(i, 6), shown(frames(i, 6)))[0] for i in (10, 11))
    merged = pool.merge(a, b)
    in_numpy = a.map(lambda t: t[0].detach().numpy()).merge(b.map(lambda t: t[0].detach().numpy()))
    for key, array in in_numpy.arrays().items():
        assert isinstance(array, np.ndarray)
        assert np.allclose(array, merged.arrays()[key][0].detach().numpy(), atol=1e-6)
    assert KINDS[in_numpy.kind] is type(a)


def test_the_state_does_not_grow() -> None:
    """However many updates, a state has the size of its first: constant memory, constant work."""
    for name in NAMES:
        pool = pooling(name)
        state = pool.init_state()
        sizes = {key: array.shape for key, array in state.arrays().items()}
        for step in range(20):
            x = frames(step, 5)
            state = pool.update(state, x, shown(x))
            assert {key: array.shape for key, array in state.arrays().items()} == sizes
