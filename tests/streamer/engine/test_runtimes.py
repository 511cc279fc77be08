"""What computes: onnxruntime where a model has a graph and no GPU is to be used, else torch; and both answer alike."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoscope.models import HeadMismatch, UsageError, load_model
from emoscope.models.cards import GRAPH_FILE, VOICE
from emoscope.models.graph import load
from emoscope.models.graph.export import export
from emoscope.models.speaker import SpeakerProfile
from emoscope.models.windows import Window
from emoscope.streamer.cli.main import main
from emoscope.streamer.engine import EngineProcess, ModelRequest, opening
from emoscope.streamer.engine.batch import BatchEngine
from emoscope.streamer.engine.opening import KEEP_THREADS, OpenedModel, open_engine
from emoscope.streamer.session.requests import Done, Encode, Read, Request, Result, Summary
from emoscope.streamer.testing import voice

CLOSE = 1e-5


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "DRIVERS", ())


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(VOICE.find("small"), tmp_path / "copy")
    return tmp_path / "copy"


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[BatchEngine, BatchEngine]:
    """`small` by torch, as a server opens it, and by onnxruntime."""
    made = [open_engine("small", threads=1, many_sessions=True, engine=name).engine for name in ("torch", "onnx")]
    return made[0], made[1]


def values(results: list[Result]) -> list:
    found = sorted(results, key=lambda result: result.id)
    assert all(isinstance(result, Done) for result in found), found
    return [result.value for result in found]  # type: ignore[union-attr]


@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=20), words=st.sampled_from([(), ("so", "sad")]),
    known=st.booleans(), seed=st.integers(0, 5),
)  # fmt: skip
def test_both_engines_answer_alike(
    both: tuple[BatchEngine, BatchEngine], lengths: list[int], words: tuple[str, ...], known: bool, seed: int
) -> None:
    """Windows of any length in any batch, their states, and readings with words, a voice's profile, and samples."""
    contract = both[0].model.contract
    sound = voice(4.0, seed=seed)
    windows: list[Request] = []
    for place, frames in enumerate(lengths):
        end = frames * contract.frame
        audio = sound[100 * place : 100 * place + contract.lookback + end]
        windows.append(Encode(place, Window(0, end, frames // 3 * contract.frame, end, -1), audio))
    ours, theirs = (values(engine(windows)) for engine in both)
    for one, other in zip(ours, theirs, strict=True):
        assert isinstance(one, Summary) and isinstance(other, Summary)
        assert np.abs(one.scores - other.scores).max() < CLOSE
        for name, array in one.state.arrays().items():
            np.testing.assert_allclose(getattr(other.state, name), array, rtol=1e-4, atol=CLOSE)
    width = 2 * 2 * 256
    speaker = SpeakerProfile(np.random.default_rng(seed).standard_normal(width).astype(np.float32), 2.0)
    reads: list[Request] = [
        Read(
            place, value.state, 0.1 + place, learn=place % 2 == 0, words=words, text=" ".join(words), certainty=0.8,
            speaker=speaker if known and place % 3 else None,
        )
        for place, value in enumerate(ours)
    ]  # fmt: skip
    for one, other in zip(*(values(engine(reads)) for engine in both), strict=True):
        assert np.abs(one.scores - other.scores).max() < CLOSE
        assert np.abs(one.dimensions - other.dimensions).max() < CLOSE
        assert one.label == other.label or np.ptp(np.partition(one.scores, -2)[-2:]) < CLOSE
        assert one.text_share == pytest.approx(other.text_share, abs=1e-4) and (one.voice is None) == (
            other.voice is None
        )
        if one.voice is not None:
            np.testing.assert_allclose(other.voice.embedding, one.voice.embedding, rtol=1e-4, atol=CLOSE)
            assert other.voice.calm == pytest.approx(one.voice.calm, abs=CLOSE)


def how(opened: OpenedModel) -> tuple[str, str, str]:
    return opened.runtime, opened.device, opened.note


def test_a_model_with_a_graph_runs_by_onnxruntime(copy: Path, tiny_model: Path, tmp_path: Path) -> None:
    assert how(open_engine("small")) == how(open_engine(copy, device="cpu")) == ("onnx", "cpu", "")
    assert how(open_engine(tiny_model, threads=KEEP_THREADS))[0] == "torch"
    export(tiny_model, tmp_path / "tiny")
    assert how(open_engine(tmp_path / "tiny")) == ("onnx", "cpu", "")


def test_torch_runs_what_it_is_asked_to(copy: Path) -> None:
    """By name, for a loaded model, and where a GPU may be: there torch is asked whether it sees one."""
    assert how(open_engine(copy, engine="torch", threads=1))[0] == "torch"
    assert how(open_engine(load_model(copy), threads=1))[0] == "torch"


def test_where_a_gpu_may_be_torch_is_asked(copy: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(opening, "DRIVERS", (str(tmp_path / "none"), str(copy / "card.json")))
    assert how(open_engine(copy, threads=1))[0] == "torch"
    assert how(open_engine(copy, device="cpu"))[0] == "onnx"


@pytest.mark.parametrize("options", [{"device": "cuda"}, {"precision": "bfloat16"}])
def test_onnxruntime_runs_on_the_cpu_in_single_precision_alone(options: dict) -> None:
    with pytest.raises(UsageError):
        open_engine("small", engine="onnx", **options)


def test_a_loaded_model_cannot_run_by_onnxruntime(tiny_model: Path) -> None:
    with pytest.raises(UsageError, match="by name or folder"):
        open_engine(load_model(tiny_model), engine="onnx")


def test_an_unknown_engine_names_those_that_there_are() -> None:
    with pytest.raises(UsageError, match="auto, torch, onnx"):
        open_engine("small", engine="jax")  # type: ignore[arg-type]


def test_the_model_itself_is_there_in_torch_alone() -> None:
    with pytest.raises(UsageError, match="engine='torch'"):
        _ = open_engine("small").model
    assert open_engine("small", engine="torch", threads=1).model.contract.id == "small"


def test_a_graph_that_cannot_be_used_leaves_the_work_to_torch_with_a_note(copy: Path) -> None:
    """Where torch is here; `--engine onnx` does not fall back."""
    (copy / GRAPH_FILE).write_bytes(b"altered")
    opened = open_engine(copy, threads=1)
    assert opened.runtime == "torch" and len(opened.note.splitlines()) == 1
    assert opened.note.endswith("torch computes instead") and "graph.onnx: its SHA-256" in opened.note
    with pytest.raises(HeadMismatch, match="SHA-256"):
        open_engine(copy, engine="onnx")


def test_without_torch_a_graph_that_cannot_be_used_is_an_error(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (copy / GRAPH_FILE).write_bytes(b"altered")
    monkeypatch.setattr(opening, "find_spec", lambda name: None)
    with pytest.raises(HeadMismatch, match="SHA-256"):
        open_engine(copy)


def test_without_onnxruntime_torch_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "has_runtime", lambda: False)
    assert open_engine("small", threads=1).runtime == "torch"


def test_weights_that_were_altered_are_an_error_whatever_computes(copy: Path) -> None:
    """The note of a fallback must not hide it."""
    content = bytearray((copy / "weights.safetensors").read_bytes())
    content[-1] ^= 1
    (copy / "weights.safetensors").write_bytes(content)
    for engine in ("auto", "torch", "onnx"):
        with pytest.raises(HeadMismatch, match=r"weights\.safetensors"):
            open_engine(copy, engine=engine)  # type: ignore[arg-type]


def test_the_engines_process_says_what_computes(copy: Path) -> None:
    with EngineProcess(ModelRequest(model=str(copy))) as engine:
        assert (engine.check().runtime, engine.check().note) == ("onnx", "")
    with EngineProcess(ModelRequest(model=str(copy), engine="torch", threads=1)) as engine:
        assert engine.check().runtime == "torch"
    (copy / GRAPH_FILE).write_bytes(b"altered")
    with EngineProcess(ModelRequest(model=str(copy), threads=1)) as engine:
        assert engine.check().runtime == "torch" and "torch computes instead" in engine.check().note


def test_replay_says_in_one_line_that_the_graph_cannot_be_used(
    copy: Path, conversation: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (copy / GRAPH_FILE).write_bytes(b"altered")
    arguments = ["replay", str(conversation), "--plain", "--asr", "none", "--no-interim", "--threads", "1"]
    assert main([*arguments, "--model", str(copy)]) == 0
    printed = capsys.readouterr()
    assert len([line for line in printed.err.splitlines() if "torch computes instead" in line]) == 1
    assert "torch, 1 thread)" in printed.out.splitlines()[-1]
    assert main([*arguments, "--model", str(copy), "--engine", "onnx"]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_models_export_writes_a_model_that_runs_without_torch(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "export", str(tiny_model), "--onnx", "--out", str(tmp_path / "out")]) == 0
    assert "graph.onnx: " in capsys.readouterr().out
    card = json.loads((tmp_path / "out" / "card.json").read_text())
    assert card["id"] == "tiny" and card["graph_sha256"] and open_engine(tmp_path / "out").runtime == "onnx"
    assert main(["models", "export", str(tiny_model)]) == 2
    assert "--onnx" in capsys.readouterr().err
