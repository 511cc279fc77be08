"""A model made ready to answer many is the same function."""

import numpy as np
import pytest
import torch

from emoscope.models import load_model
from emoscope.models.windows import Window
from emoscope.streamer.engine.batch import BatchEngine
from emoscope.streamer.engine.opening import Runtime, buckets_of, open_engine
from emoscope.streamer.engine.torch_model import TorchModel
from emoscope.streamer.session.requests import Done, Encode, Read
from emoscope.streamer.testing import voice


def readings(engine: BatchEngine, lengths: list[int], seed: int = 0) -> list[np.ndarray]:
    """Scores of windows of these lengths in seconds/25, all asked at once."""
    contract = engine.model.contract
    sound = voice(4.0, seed=seed)
    requests = []
    for place, frames in enumerate(lengths):
        end = frames * contract.frame
        audio = sound[100 * place : 100 * place + contract.lookback + end]
        requests.append(Encode(place, Window(0, end, 0, end, -1), audio))
    encoded = sorted(engine(requests), key=lambda result: result.id)
    assert [type(result) for result in encoded] == [Done] * len(lengths)
    reads = [Read(result.id, result.value.state, 1.0) for result in encoded]  # type: ignore[union-attr]
    return [result.value.scores for result in sorted(engine(reads), key=lambda r: r.id)]  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def plain() -> BatchEngine:
    torch.set_num_threads(1)
    return BatchEngine(TorchModel(load_model("small")))


def test_folding_the_norms_changes_no_score(plain: BatchEngine) -> None:
    folded = BatchEngine(TorchModel(load_model("small").for_inference()))
    lengths = [1, 2, 12, 25, 37, 40, 40]
    for ours, theirs in zip(readings(folded, lengths), readings(plain, lengths), strict=True):
        assert np.abs(ours - theirs).max() < 1e-5


def test_padding_to_a_bucket_changes_no_score(plain: BatchEngine) -> None:
    """Every length that a now window can have, padded together, against each alone."""
    assert isinstance(plain.model, TorchModel)
    buckets = buckets_of(plain.model.model)
    padded = BatchEngine(plain.model, buckets=buckets)
    assert buckets == [10_240, 19_840, 30_080, 39_680, 49_920, 59_520, 64_000]
    lengths = list(range(1, 41))
    together = readings(padded, lengths)
    for length, ours in zip(lengths, together, strict=True):
        alone = readings(plain, lengths[:length])[-1] if length % 8 == 0 else None
        if alone is not None:
            assert np.abs(ours - alone).max() < 1e-5
    for ours, theirs in zip(together, readings(plain, lengths), strict=True):
        assert np.abs(ours - theirs).max() < 1e-5


@pytest.mark.parametrize("runtime", ["torch", "onnx"])
def test_a_reading_does_not_depend_on_its_batch(runtime: Runtime) -> None:
    """As the server asks it: folded, padded, in batches of any size."""
    engine = open_engine("small", threads=1, many_sessions=True, engine=runtime).engine
    lengths = [40, 3, 17, 40, 25, 12, 40, 31]
    together = readings(engine, lengths)
    engine.batch = 1
    for ours, alone in zip(together, readings(engine, lengths), strict=True):
        assert np.abs(ours - alone).max() < 1e-5


def test_folding_twice_changes_nothing_more() -> None:
    once = load_model("small").for_inference()
    before = readings(BatchEngine(TorchModel(once)), [40])
    assert np.abs(readings(BatchEngine(TorchModel(once.for_inference())), [40])[0] - before[0]).max() < 1e-6
