"""A model's graph: its answers are those of torch, and what cannot be used says so."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from emoscope.models import CardInvalid, HeadMismatch, ModelError, SmallModel, UsageError, load_model, save_model
from emoscope.models.cards import GRAPH_FILE, VOICE, WEIGHTS_FILE, digest, read_card
from emoscope.models.graph import export as exporting
from emoscope.models.graph import load, session
from emoscope.models.graph.export import export
from emoscope.models.graph.load import load_graph_model
from emoscope.models.graph.model import GraphModel
from emoscope.models.pool_state import stack
from emoscope.models.speaker import SpeakerProfiles
from emoscope.streamer.testing import voice

CLOSE = 1e-5
SOUNDS: dict[str, Callable[[int], np.ndarray]] = {
    "a voice": lambda count: voice(count / 16_000 + 0.1)[:count],
    "noise": lambda count: 0.05 * np.random.default_rng(1).standard_normal(count),
    "a whisper of noise": lambda count: 1e-5 * np.random.default_rng(2).standard_normal(count),
    "silence": np.zeros,
    "a tone": lambda count: 0.5 * np.sin(2 * np.pi * 300 / 16_000 * np.arange(count)),
    "a clipped tone": lambda count: np.sign(np.sin(2 * np.pi * 180 / 16_000 * np.arange(count))),
}


@pytest.fixture(scope="module")
def graph() -> GraphModel:
    return load_graph_model("small")


@pytest.fixture(scope="module")
def model() -> SmallModel:
    torch.set_num_threads(1)
    loaded = load_model("small")
    assert isinstance(loaded, SmallModel)
    return loaded


def check_same(graph: GraphModel, model: SmallModel, audio: np.ndarray, owned: list[tuple[int, int]]) -> None:
    """States, scores, embeddings and readings, with and without a voice's baseline, of windows (B, lookback + N)."""
    audio = audio.astype(np.float32)
    length = audio.shape[1] - model.contract.lookback
    seconds = np.linspace(0.3, 4.0, len(audio)).astype(np.float32)
    features, scores = graph.frames(audio)
    spans = list(zip(range(len(audio)), owned, strict=True))
    state = stack([graph.pooled(features[row, a:b], scores[row, a:b]) for row, (a, b) in spans])
    usual = np.random.default_rng(0).standard_normal(graph.embed(state).shape).astype(np.float32)
    weight = seconds - 0.3
    with torch.inference_mode():
        encoded = model.encode(torch.from_numpy(audio), torch.tensor([length] * len(audio)), torch.tensor(owned))
        embedded = model.embed(encoded.state).numpy()
        read = model.read(encoded.state, torch.from_numpy(seconds))
        profiles = SpeakerProfiles(torch.from_numpy(usual), torch.from_numpy(weight))
        read_relative = model.read(encoded.state, torch.from_numpy(seconds), profiles)
    for row, (a, b) in spans:  # torch hides the other frames from what scores them
        assert np.abs(scores[row, a:b] - encoded.scores[row, a:b].numpy()).max() < CLOSE
    for name, array in state.arrays().items():
        np.testing.assert_allclose(array, getattr(encoded.state, name).numpy(), rtol=CLOSE, atol=CLOSE)
    np.testing.assert_allclose(graph.embed(state), embedded, rtol=CLOSE, atol=CLOSE)
    relative = graph.read(state, seconds, SpeakerProfiles(usual, weight))
    for ours, theirs in zip((*graph.read(state, seconds), *relative), (*read, *read_relative), strict=True):
        assert ours.dtype == np.float32 and ours.shape == theirs.shape
        assert np.abs(ours - theirs.numpy()).max(initial=0) < CLOSE


@pytest.mark.parametrize("frames", range(1, 41))
def test_windows_of_every_length_read_as_in_torch(graph: GraphModel, model: SmallModel, frames: int) -> None:
    contract = model.contract
    sound = voice(4.0)
    count = contract.lookback + frames * contract.frame
    audio = np.stack([sound[place : place + count] for place in (0, 7_000)])
    check_same(graph, model, audio, [(0, frames), (frames // 2, frames)])


@pytest.mark.parametrize("sound", SOUNDS)
def test_every_kind_of_sound_reads_as_in_torch(graph: GraphModel, model: SmallModel, sound: str) -> None:
    count = model.contract.lookback + model.contract.window
    check_same(graph, model, SOUNDS[sound](count)[None], [(0, 40)])


def test_a_reading_does_not_depend_on_its_batch(graph: GraphModel, model: SmallModel) -> None:
    sound = voice(7.0)
    count = model.contract.lookback + model.contract.window
    audio = np.stack([sound[place : place + count] for place in range(0, 16 * 1_600, 1_600)])
    check_same(graph, model, audio, [(first, 40 - first) for first in range(16)])
    together = graph.frames(audio.astype(np.float32))[0]
    for row in range(16):
        assert np.abs(graph.frames(audio[row : row + 1].astype(np.float32))[0][0] - together[row]).max() < CLOSE


def test_no_frames_are_the_state_that_changes_nothing(graph: GraphModel, model: SmallModel) -> None:
    """Pooled alone it reads as zeros, and merged with another it leaves that as it is."""
    features, scores = graph.frames(np.zeros((1, model.contract.lookback + 640), np.float32))
    none, some = graph.pooled(features[0, :0], scores[0, :0]), graph.pooled(features[0], scores[0])
    merged = none.merge(some)
    for name, array in some.arrays().items():
        np.testing.assert_array_equal(getattr(merged, name), array)
    assert not graph.embed(stack([none])).any()


@pytest.mark.parametrize(
    "changes",
    [
        {}, {"lags": 0}, {"dim": 12, "queries": 3, "heads": 4}, {"dilations": (1, 2, 4)}, {"dilations": ()},
        {"bands": 32}, {"lags": 20, "memory": 9}, {"memory": 1}, {"range_db": 40.0, "clip": 1.0},
    ],
)  # fmt: skip
@pytest.mark.parametrize("rated", [True, False])
def test_models_of_other_shapes_have_graphs_too(
    tiny_model: Path, tmp_path: Path, changes: dict[str, Any], rated: bool
) -> None:
    """Whatever `emoscope train small` can make: without pitch, without ratings, with other dilations."""
    import msgspec

    tiny = load_model(tiny_model)
    assert isinstance(tiny, SmallModel)
    from dataclasses import asdict

    from emoscope.models import SmallConfig
    from emoscope.models.contract import ModelContract
    from emoscope.models.small.frontend import Frontend

    config = SmallConfig(**{**asdict(tiny.config), **changes})
    contract = ModelContract(
        **{
            **asdict(tiny.contract), "lookback": Frontend(config.bands, config.lags, config.memory).lookback,
            "dimensions": tiny.contract.dimensions if rated else (), "derived": False, "baseline": rated,
        }
    )  # fmt: skip
    torch.manual_seed(1)
    made = SmallModel(config, contract, tiny.calibration).eval()
    for name, buffer in made.named_buffers():
        if name.endswith("running_var"):
            buffer.uniform_(0.5, 2.0)
        elif name.endswith("running_mean"):
            buffer.normal_()
    card = read_card(tiny_model)
    audio = msgspec.structs.replace(card.audio, lookback=contract.lookback)
    card = msgspec.structs.replace(
        card, config=made.card_config(), audio=audio, dimensions=list(contract.dimensions), derived=False,
        baseline=rated,
    )  # fmt: skip
    save_model(made, card, tmp_path / "model")
    assert export(tmp_path / "model") == tmp_path / "model" / GRAPH_FILE
    sound = voice(4.0)[: contract.lookback + contract.window]
    check_same(load_graph_model(tmp_path / "model"), made, sound[None], [(0, 40)])


# --- what ships


def test_the_graph_that_ships_is_the_one_that_would_be_made(tmp_path: Path) -> None:
    """Of the weights beside it, by the code that is here; and the whole model stays below 8 MB."""
    made = export("small", tmp_path / "again")
    folder = VOICE.find("small")
    assert made.read_bytes() == (folder / GRAPH_FILE).read_bytes()
    assert digest(made.read_bytes()) == read_card(folder).graph_sha256
    assert sum(path.stat().st_size for path in folder.iterdir()) < 8_000_000


def test_the_graph_holds_standard_operations_and_no_weights() -> None:
    """Each weight lies in the file of weights, at the place that the graph names: any runtime finds it there."""
    folder = VOICE.find("small")
    content = (folder / WEIGHTS_FILE).read_bytes()
    weights = load.parse_arrays(content, folder)
    found = onnx.load(folder / GRAPH_FILE, load_external_data=False)
    assert {node.domain for node in found.graph.node} == {""} and not found.functions
    outside = [one for one in found.graph.initializer if one.data_location == onnx.TensorProto.EXTERNAL]
    assert {one.name for one in outside} == set(load.graph_weights(weights, read_card(folder)))
    for one in outside:
        place = {entry.key: entry.value for entry in one.external_data}
        begin, count = int(place["offset"]), int(place["length"])
        assert place["location"] == WEIGHTS_FILE
        assert content[begin : begin + count] == weights[one.name].tobytes()
    onnx.checker.check_model(str(folder / GRAPH_FILE))


# --- what cannot be used


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(VOICE.find("small"), tmp_path / "copy")
    return tmp_path / "copy"


def put(folder: Path, graph: bytes) -> None:
    """Put a graph into a folder, with a card that vouches for it."""
    (folder / GRAPH_FILE).write_bytes(graph)
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps({**card, "graph_sha256": digest(graph)}))


def test_a_graph_that_was_altered_is_not_run(copy: Path) -> None:
    content = bytearray((copy / GRAPH_FILE).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / GRAPH_FILE).write_bytes(content)
    with pytest.raises(HeadMismatch, match=r"graph\.onnx: its SHA-256 is not the one in the card"):
        load_graph_model(copy)
    load_model(copy)  # torch has no use for it


@pytest.mark.parametrize("name", [GRAPH_FILE, WEIGHTS_FILE])
def test_a_missing_file_is_an_error_that_names_it(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(CardInvalid, match=name):
        load_graph_model(copy)


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("config", {"clip": None}),
        ("config", {"heads": 0}),
        ("config", {"heads": 3}),
        ("config", {"heads": 4}),
        ("audio", {"frame": 320}),
        ("audio", {"lookback": 0}),
        ("audio", {"lookback": 16_000}),
        ("audio", {"reach": 5_120}),
        ("config", {"dilations": [1, 2, 4]}),
        ("config", {"layers": 3}),
    ],
)
def test_a_card_that_does_not_describe_its_graph_is_one_line(copy: Path, part: str, change: dict[str, Any]) -> None:
    card = json.loads((copy / "card.json").read_text())
    (copy / "card.json").write_text(json.dumps({**card, part: {**card[part], **change}}))
    with pytest.raises(CardInvalid, match="does not describe"):
        load_graph_model(copy)


def test_a_graph_of_other_weights_does_not_fit(copy: Path, tiny_model: Path, tmp_path: Path) -> None:
    put(copy, export(tiny_model, tmp_path / "tiny").read_bytes())
    with pytest.raises(HeadMismatch, match="the graph does not fit the weights beside it"):
        load_graph_model(copy)


def changed(folder: Path, change: Callable[[Any], object]) -> bytes:
    graph = onnx.load(folder / GRAPH_FILE, load_external_data=False)
    change(graph)
    content: bytes = graph.SerializeToString()
    return content


def rename_output(graph: Any) -> None:
    for node in graph.graph.node:
        for place, name in enumerate(node.output):
            if name == "scores":
                node.output[place] = "emotions"
    graph.graph.output[1].name = "emotions"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda graph: setattr(graph.opset_import[0], "version", 999), "onnxruntime cannot run the graph"),
        (lambda graph: setattr(graph, "ir_version", 999), "onnxruntime cannot run the graph"),
        (lambda graph: setattr(graph.graph.node[0], "domain", "of.somebody"), "onnxruntime cannot run the graph"),
        (lambda graph: setattr(graph.graph.node[0], "op_type", "Shell"), "onnxruntime cannot run the graph"),
        (lambda graph: graph.graph.ClearField("node"), "cannot|not one of this version"),
        (rename_output, "not one of this version"),
    ],
)
def test_a_graph_that_cannot_be_run_is_one_line(copy: Path, change: Callable[[Any], object], message: str) -> None:
    put(copy, changed(copy, change))
    with pytest.raises(ModelError, match=message) as raised:
        load_graph_model(copy)
    assert len(str(raised.value).splitlines()) == 1 and "onnxruntime_src" not in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"no graph at all", b"\x80\x04K\x01."])
def test_what_is_no_graph_is_one_line(copy: Path, content: bytes) -> None:
    put(copy, content)
    with pytest.raises(ModelError, match="onnxruntime cannot run the graph"):
        load_graph_model(copy)


def test_a_graph_reads_no_other_file(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A weight that is not handed in is not looked for, wherever the graph says that it lies."""
    monkeypatch.chdir(copy)
    shutil.copy(copy / WEIGHTS_FILE, copy / "elsewhere.bin")

    def move(graph: Any) -> None:
        one = graph.graph.initializer.add()
        one.CopyFrom(next(i for i in graph.graph.initializer if i.name == "encoder.norm.bias"))
        one.name = "stolen"
        one.external_data[0].value = "elsewhere.bin"
        graph.graph.node[-1].input[0] = graph.graph.node[-1].input[0]
        norm = next(node for node in graph.graph.node if node.op_type == "LayerNormalization")
        norm.input[2] = "stolen"

    put(copy, changed(copy, move))
    with pytest.raises(ModelError):
        load_graph_model(copy)


def test_without_onnxruntime_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "has_runtime", lambda: False)
    with pytest.raises(ModelError, match="pip install onnxruntime"):
        load_graph_model("small")


def test_a_model_without_a_graph_says_how_to_make_one(tiny_model: Path) -> None:
    with pytest.raises(UsageError, match="models export"):
        load_graph_model(tiny_model)


# --- making one


@pytest.mark.parametrize("name", ["whisper", "openai/whisper-base"])
def test_only_the_architecture_small_has_a_graph(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="architecture small"):
        export(name, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_without_onnx_it_says_what_to_install(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"emoscope\[onnx\]"):
        export(tiny_model)


def test_a_folder_that_holds_a_model_is_left_alone(copy: Path, tiny_model: Path) -> None:
    before = (copy / "card.json").read_bytes()
    with pytest.raises(UsageError, match="already holds a model"):
        export(tiny_model, copy)
    assert (copy / "card.json").read_bytes() == before


def test_weights_that_are_saved_anew_have_no_graph_until_one_is_made(copy: Path) -> None:
    """A card never vouches for the graph of earlier weights."""
    model = load_model(copy)
    assert save_model(model, read_card(copy), copy).graph_sha256 == ""
    with pytest.raises(UsageError, match="has no graph"):
        load_graph_model(copy)
