"""Opening a model: one function for every command, on the device that is asked for."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from real_voice import sentence

from emoscope.models import NotCached, load_model
from emoscope.streamer import UsageError, open_engine, replay
from emoscope.streamer.cli.main import main
from emoscope.streamer.engine.batch import BatchEngine
from emoscope.streamer.engine.opening import KEEP_THREADS, choose_device, choose_precision
from emoscope.streamer.server import serving
from emoscope.streamer.testing import silence
from emoscope.train.corpora import Clip
from emoscope.train.evaluation.conditions import CLEAN
from emoscope.train.evaluation.pool import Job, Settings, Worker
from emoscope.train.evaluation.sessions import PlannedSession


@pytest.fixture
def threads_restored() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "talk.wav"
    soundfile.write(path, np.concatenate([silence(0.3), sentence(0), silence(0.8)]), 16_000)
    return path


@pytest.fixture
def makers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The modules that construct a `BatchEngine`, in order."""
    found: list[str] = []
    construct = BatchEngine.__init__

    def noted(self: BatchEngine, *args: object, **options: object) -> None:
        found.append(sys._getframe(1).f_globals["__name__"])
        construct(self, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(BatchEngine, "__init__", noted)
    return found


def from_python(model: Path, recording: Path) -> None:
    list(replay(recording, model))


def from_the_command_line(model: Path, recording: Path) -> None:
    assert main(["replay", "--plain", "--model", str(model), "--asr", "none", str(recording)]) == 0


def from_the_screen(model: Path, recording: Path) -> None:
    picture = recording.with_suffix(".txt")
    options = ["--screenshot", str(picture), "--model", str(model), "--asr", "none"]
    assert main(["replay", *options, str(recording)]) == 0


def from_the_server(model: Path, recording: Path) -> None:
    async def serve() -> None:
        async with serving(model):
            pass

    asyncio.run(serve())


def from_the_evaluation(model: Path, recording: Path) -> None:
    clip = Clip(corpus="ravdess", name="1", path=recording, speaker="01", label="angry")
    worker = Worker(Settings())
    assert len(worker(Job(model, PlannedSession((clip,)), CLEAN))) == 1
    worker.close()


@pytest.mark.parametrize(
    "use", [from_python, from_the_command_line, from_the_screen, from_the_server, from_the_evaluation]
)
@pytest.mark.usefixtures("threads_restored")
def test_whoever_uses_a_model_opens_it_in_the_same_way(use, tiny_model: Path, recording: Path, makers: list[str]):
    """`lint-imports` holds the same for all other modules: none but `engine.opening` imports `engine.batch`."""
    use(tiny_model, recording)
    assert makers == ["emoscope.streamer.engine.opening"]


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.mark.usefixtures("two_gpus")
def test_a_gpu_is_used_where_there_is_one() -> None:
    assert choose_device() == "cuda"
    assert [choose_device(name) for name in ("cpu", "cuda", "cuda:1")] == ["cpu", "cuda", "cuda:1"]


@pytest.mark.usefixtures("no_gpu")
def test_without_a_gpu_the_cpu_is_used(tiny_model: Path) -> None:
    opened = open_engine(tiny_model, threads=KEEP_THREADS)
    assert (opened.device, opened.precision) == ("cpu", "float32")
    assert opened.contract == opened.model.contract


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize(
    ("device", "message"),
    [
        ("cuda", "--device cuda: torch sees no GPU here; use cpu"),
        ("cuda:3", "--device cuda:3: torch sees no GPU here; use cpu"),
        ("tpu", "--device tpu: must be cpu, cuda, cuda:N or auto"),
        ("cuda:", "--device cuda:: must be cpu, cuda, cuda:N or auto"),
        ("cuda:-1", "--device cuda:-1: must be cpu, cuda, cuda:N or auto"),
        ("cpu:0", "--device cpu:0: must be cpu, cuda, cuda:N or auto"),
    ],
)
def test_a_device_that_is_not_there_is_one_clear_line(device: str, message: str, tiny_model: Path) -> None:
    with pytest.raises(UsageError) as refused:
        open_engine(tiny_model, device=device)
    assert str(refused.value) == message


@pytest.mark.usefixtures("two_gpus")
def test_a_gpu_beyond_the_last_is_one_clear_line() -> None:
    with pytest.raises(UsageError, match=r"^--device cuda:2: torch sees 2 GPUs here, counted from 0$"):
        choose_device("cuda:2")


def test_a_gpu_that_refuses_the_model_is_one_clear_line(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: torch.nn.Module, device: str) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate 20 MiB.")

    monkeypatch.setattr(torch.nn.Module, "to", full)
    with pytest.raises(UsageError) as refused:
        open_engine(tiny_model, threads=KEEP_THREADS, device="cpu")
    assert str(refused.value) == "--device cpu: CUDA out of memory."


def test_precision_follows_the_device() -> None:
    assert [choose_precision("auto", device) for device in ("cpu", "cuda", "cuda:1")] == [
        "float32",
        "bfloat16",
        "bfloat16",
    ]
    assert choose_precision("float32", "cuda") == "float32"
    with pytest.raises(UsageError, match="needs a GPU"):
        choose_precision("bfloat16", "cpu")
    with pytest.raises(UsageError, match="must be one of auto, float32, bfloat16"):
        choose_precision("float16", "cuda")  # type: ignore[arg-type]


def test_a_batch_that_makes_no_sense_is_refused_before_the_model_is_loaded(tmp_path: Path) -> None:
    for batch in (0, -1, 4_097):
        with pytest.raises(UsageError, match=f"^--batch {batch}: must be from 1 to 4096$"):
            open_engine(tmp_path / "no-such-model", batch=batch)
    with pytest.raises(NotCached):
        open_engine(tmp_path / "no-such-model", batch=1)


@pytest.mark.usefixtures("threads_restored")
def test_threads_are_those_asked_for_those_that_suit_the_model_or_left_alone(tiny_model: Path) -> None:
    assert open_engine(tiny_model, threads=2).threads == torch.get_num_threads() == 2
    assert open_engine(tiny_model, threads=KEEP_THREADS).threads == torch.get_num_threads() == 2
    assert open_engine(tiny_model).threads == torch.get_num_threads() == 1


def test_the_weights_of_a_loaded_model_are_left_as_they_are() -> None:
    """Only a model that is loaded here is folded for many sessions; the caller's own may go on to be trained."""
    model = load_model("small")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    opened = open_engine(model, threads=KEEP_THREADS, many_sessions=True)
    assert opened.model is model
    assert before.keys() == model.state_dict().keys()
    assert [name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])] == []


def test_a_model_is_opened_once_for_many_recordings(tiny_model: Path, recording: Path, makers: list[str]) -> None:
    opened = open_engine(tiny_model, threads=KEEP_THREADS)
    readings = [[event for event in replay(recording, opened) if event.type == "emotion.final"] for _ in range(2)]
    assert len(makers) == 1
    assert [event.scores for event in readings[0]] == [event.scores for event in readings[1]] != []


@pytest.mark.usefixtures("no_gpu", "threads_restored")
def test_the_engines_process_passes_a_device_error_on(tiny_model: Path) -> None:
    from emoscope.streamer.engine import EngineProcess, ModelRequest

    with (
        EngineProcess(ModelRequest(model=str(tiny_model), device="tpu")) as engine,
        pytest.raises(UsageError, match=r"^--device tpu: must be cpu, cuda, cuda:N or auto$"),
    ):
        engine.check()
