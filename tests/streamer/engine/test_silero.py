"""Silero VAD for many voices at once: as the network itself answers, to the last bit whatever is judged together."""

import contextlib
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoscope.streamer.engine import silero
from emoscope.streamer.engine.onnx_weights import float_weights
from emoscope.streamer.engine.silero import GRAPH, SHAPES, Silero
from emoscope.streamer.engine.silero_graph import silero_graph
from emoscope.streamer.engine.voice_activity import weights
from emoscope.streamer.session.requests import DetectVoice, VoiceProbabilities
from emoscope.streamer.session.voice_activity import CHUNK, CONTEXT
from emoscope.streamer.testing import voice


@pytest.fixture(scope="module")
def file() -> Path:
    found = weights()
    assert found is not None, "the weights come with faster-whisper"
    return found


@pytest.fixture(scope="module")
def network(file: Path) -> Silero:
    loaded = Silero(file)
    assert loaded.together
    return loaded


@pytest.fixture(scope="module")
def original(file: Path) -> Silero:
    """The network as its authors ship it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(silero, "CLOSE", -1.0)
        loaded = Silero(file)
    assert not loaded.together
    return loaded


def request(seed: int, chunks: int) -> DetectVoice:
    """Noise of some level, or a voice, after what an earlier request left in the memory."""
    draw = np.random.default_rng(seed)
    count = CONTEXT + chunks * CHUNK
    noise = draw.standard_normal(count) * 10.0 ** -draw.uniform(0, 5)
    sound = voice(count / 16_000 + 0.1)[:count] if seed % 2 else noise
    memory = draw.standard_normal((2, 128)) * draw.uniform(0, 1)
    return DetectVoice(seed, sound.astype(np.float32), memory.astype(np.float32))


def same_bits(one: VoiceProbabilities, other: VoiceProbabilities) -> bool:
    return one.probabilities == other.probabilities and np.array_equal(one.network, other.network)


def test_the_graph_answers_as_the_network_itself(network: Silero, original: Silero):
    requests = [request(seed, 1 + seed % 40) for seed in range(20)]
    for ours, theirs in zip(network(requests), original(requests), strict=True):
        assert np.abs(np.subtract(ours.probabilities, theirs.probabilities)).max() < 1e-5
        np.testing.assert_allclose(ours.network, theirs.network, atol=1e-4)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(1, 35)), min_size=1, max_size=24))
def test_an_answer_does_not_depend_on_what_is_judged_together(network: Silero, drawn: list[tuple[int, int]]):
    requests = [request(seed, chunks) for seed, chunks in drawn]
    together = network(requests)
    assert all(same_bits(one, network([asked])[0]) for one, asked in zip(together, requests, strict=True))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.lists(st.integers(1, 12), min_size=1, max_size=6))
def test_an_answer_does_not_depend_on_how_chunks_are_shared_out(network: Silero, seed: int, counts: list[int]):
    asked = request(seed, sum(counts))
    memory, begin = asked.network, 0
    parts: list[float] = []
    for count in counts:
        piece = asked.audio[begin * CHUNK : CONTEXT + (begin + count) * CHUNK]
        answer = network([DetectVoice(0, piece, memory)])[0]
        memory, begin, parts = answer.network, begin + count, parts + answer.probabilities
    assert same_bits(VoiceProbabilities(parts, memory), network([asked])[0])


def test_more_chunks_than_a_pass_takes_are_judged_in_several(network: Silero, monkeypatch: pytest.MonkeyPatch):
    requests = [request(seed, 3) for seed in range(10)]
    whole = network(requests)
    monkeypatch.setattr(silero, "MOST_CHUNKS", 7)
    assert all(same_bits(one, other) for one, other in zip(network(requests), whole, strict=True))


def test_the_graph_in_the_package_is_the_one_that_its_maker_writes():
    assert silero_graph() == GRAPH.read_bytes()


def test_weights_are_those_that_the_package_onnx_reads(file: Path):
    content = file.read_bytes()
    theirs = {one.name: onnx.numpy_helper.to_array(one) for one in onnx.load_from_string(content).graph.initializer}
    ours = float_weights(content)
    assert set(SHAPES) <= set(ours)
    assert all(np.array_equal(values, theirs[name]) for name, values in ours.items())


def test_a_file_with_other_weights_is_run_by_itself(file: Path, tmp_path: Path, original: Silero):
    """As after an update of the package that brings it: with weights of other names, the network itself answers."""
    model = onnx.load(str(file))
    renamed = next(one for one in model.graph.initializer if one.name == "decoder.conv1d.bias")
    renamed.name = "decoder.bias"
    for node in model.graph.node:
        node.input[:] = ["decoder.bias" if name == "decoder.conv1d.bias" else name for name in node.input]
    other = tmp_path / "other.onnx"
    onnx.save(model, str(other))
    loaded, asked = Silero(other), [request(1, 5), request(2, 5)]
    assert not loaded.together
    assert all(same_bits(one, theirs) for one, theirs in zip(loaded(asked), original(asked), strict=True))


def test_a_network_of_the_same_shape_that_computes_something_else_is_run_by_itself(file: Path, tmp_path: Path):
    model = onnx.load(str(file))
    last = [node for node in model.graph.node if node.op_type == "Relu"][-2]
    last.op_type = "Sigmoid"
    other = tmp_path / "other.onnx"
    onnx.save(model, str(other))
    assert not Silero(other).together


@given(st.binary(max_size=200))
def test_bytes_that_are_no_onnx_file_are_refused_or_hold_no_weights(content: bytes):
    with contextlib.suppress(ValueError):
        assert float_weights(content) == {}


@pytest.mark.parametrize("cut", [1, 100, 100_000])
def test_a_file_that_ends_early_is_refused(file: Path, cut: int):
    with pytest.raises(ValueError, match="no ONNX file"):
        float_weights(file.read_bytes()[:-cut])
