"""Passes of fixed shapes answer as passes of any shape do. A capture stands for a CUDA graph where no GPU is."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from emoscope.models import load_model
from emoscope.models.model import Encoded, StreamModel
from emoscope.models.pool_state import SoftmaxState
from emoscope.models.windows import Window
from emoscope.streamer.engine.array_model import Pooled
from emoscope.streamer.engine.fixed_slots import MOST_SHAPES, FixedSlots, Run, cuda_graph
from emoscope.streamer.engine.torch_model import TorchModel
from emoscope.streamer.session.requests import Encode
from emoscope.streamer.testing import voice

CPU = torch.device("cpu")
SOUND = voice(4.0)


class Captures:
    """Makes passes that write into the same tensors each time, as a graph does, and counts them."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self, run: Run, device: torch.device) -> Run:
        self.made += 1
        kept = run()

        def again() -> Encoded:
            for slot, value in zip(tensors(kept), tensors(run()), strict=True):
                slot.copy_(value)
            return kept

        return again


def tensors(encoded: Encoded) -> list[torch.Tensor]:
    return [*encoded.state.arrays().values(), encoded.scores]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Threads of torch wait for one another on a busy machine, and these passes are short."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def small() -> StreamModel:
    return load_model("small").for_inference()


def passes(model: StreamModel, capture: Callable[[Run, torch.device], Run]) -> TorchModel:
    """The model as on a GPU, with another capture."""
    made = TorchModel(model)
    made._slots = FixedSlots(made._forward, CPU, capture)
    return made


def windows(model: StreamModel, frames: int, count: int, seed: int) -> list[np.ndarray]:
    """Stretches of a voice, each another one."""
    size = model.contract.lookback + frames * model.contract.frame
    first = np.random.default_rng(seed).integers(0, len(SOUND) - size, count)
    return [SOUND[begin : begin + size] for begin in first]


def encode(model: TorchModel, heard: list[np.ndarray], frames: int, parts: int) -> list[Pooled]:
    frame = model.contract.frame
    edges = (frame * np.linspace(0, frames, parts + 1).astype(int)).tolist()
    window = Window(0, frames * frame, 0, frames * frame, -1, tuple(edges[1:-1]))
    requests = [Encode(place, window, audio) for place, audio in enumerate(heard)]
    return model.encode(requests, frames * frame, [None] * len(heard))


def assert_alike(some: list[Pooled], others: list[Pooled]) -> None:
    for one, other in zip(some, others, strict=True):
        np.testing.assert_allclose(one.scores, other.scores, atol=1e-5)
        for a, b in zip(one.states, other.states, strict=True):
            for name, array in a.arrays().items():
                np.testing.assert_allclose(array, b.arrays()[name], atol=1e-5, err_msg=name)


@settings(max_examples=20)
@given(
    st.lists(
        st.tuples(st.sampled_from([20, 40]), st.integers(1, 5), st.integers(1, 3), st.integers(0, 9)),
        min_size=1,
        max_size=4,
    )
)
def test_batches_of_any_size_one_after_the_other_have_the_answers_of_passes_of_their_own(
    small: StreamModel, batches: list[tuple[int, int, int, int]]
) -> None:
    plain, fixed = TorchModel(small), passes(small, Captures())
    for frames, count, parts, seed in batches:
        heard = windows(small, frames, count, seed)
        assert_alike(encode(fixed, heard, frames, parts), encode(plain, heard, frames, parts))


def test_a_shape_is_captured_once_and_serves_every_smaller_batch(small: StreamModel) -> None:
    captures = Captures()
    fixed = passes(small, captures)
    for count in (3, 4, 3, 4):
        encode(fixed, windows(small, 20, count, seed=count), 20, parts=1)
    assert captures.made == 1
    encode(fixed, windows(small, 20, 5, seed=0), 20, parts=1)
    assert captures.made == 2


def test_shapes_beyond_those_that_are_kept_run_step_by_step() -> None:
    captures = Captures()
    slots = FixedSlots(echo, CPU, captures)
    for samples in range(1, MOST_SHAPES + 3):
        answer = slots(torch.full((2, samples), 7.0), torch.tensor([1, 2]), torch.zeros((2, 2), dtype=torch.long))
        assert answer.scores.tolist() == [[7.0], [7.0]]
    assert captures.made == MOST_SHAPES


def test_a_model_that_cannot_be_captured_runs_step_by_step_and_says_so(small: StreamModel) -> None:
    def refuse(run: Run, device: torch.device) -> Run:
        raise RuntimeError("operation not permitted when stream is capturing\nmore lines of the library")

    plain, fixed = TorchModel(small), passes(small, refuse)
    assert fixed.note == ""
    heard = windows(small, 20, 3, seed=1)
    for _ in range(2):
        assert_alike(encode(fixed, heard, 20, 2), encode(plain, heard, 20, 2))
    assert fixed.note == (
        "its passes could not be captured (operation not permitted when stream is capturing), and run step by step"
    )


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_cuda_graph_answers_as_the_passes_do_step_by_step(small: StreamModel) -> None:
    heard = windows(small, 40, 3, seed=2)
    plain = encode(TorchModel(small), heard, 40, 2)
    on_gpu = TorchModel(load_model("small").for_inference().to("cuda"))
    assert on_gpu._slots is not None
    assert on_gpu._slots._capture is cuda_graph
    for _ in range(2):
        assert_alike(encode(on_gpu, heard, 40, 2), plain)
    assert on_gpu.note == ""


def echo(audio: torch.Tensor, lengths: torch.Tensor, owned: torch.Tensor) -> Encoded:
    """A pass that gives the mean of each window as its only score."""
    nothing = torch.zeros((len(audio), 1, 1))
    return Encoded(SoftmaxState(nothing, nothing, nothing[..., None], nothing[..., None]), audio.mean(1, keepdim=True))
