"""The one way to open a model: `listen`, `replay`, `serve`, `evaluate` and `bench` all come here.

Importing this module imports no torch; `open_engine` does, when it is called for a model that needs it.
"""

import os
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from emoscope.models.contract import ModelContract
from emoscope.models.errors import ModelError
from emoscope.models.windows import usual_window

from ..protocol.errors import UsageError

if TYPE_CHECKING:
    from emoscope.models.model import StreamModel

    from .batch import BatchEngine

Precision = Literal["auto", "float32", "bfloat16"]
Runtime = Literal["auto", "torch", "onnx"]

GPU_BATCH = 256
LARGEST_BATCH = 4_096
KEEP_THREADS = 0
SMALL_MODEL = 5_000_000  # parameters; up to here a window costs a few ms, and threads cost more than they bring
# What a GPU's driver leaves on a machine: Linux with NVIDIA's, with AMD's, within Windows; Windows.
DRIVERS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg", "C:/Windows/System32/nvcuda.dll")


@dataclass(frozen=True)
class OpenedModel:
    """A model that answers requests.

    contract   what a session must know of the model
    engine     answers requests; already warmed up
    batch      the most windows in one forward pass
    device     where the model runs: "cpu", "cuda" or "cuda:N"
    precision  "float32", or "bfloat16" where the encoder runs in half precision; pool states are float32 in both
    threads    CPU threads of this process
    runtime    what computes: "torch" or "onnx"
    note       why torch computes although the model has a graph, or a GPU's passes run step by step, in one line;
               "" where all is well
    """

    contract: ModelContract
    engine: "BatchEngine"
    batch: int
    device: str
    precision: str
    threads: int
    runtime: Runtime = "torch"
    note: str = ""

    @property
    def loaded(self) -> "tuple[ModelContract, BatchEngine]":
        """Contract and engine, as `Live` and `serving` take them."""
        return self.contract, self.engine

    @property
    def model(self) -> "StreamModel":
        """The loaded model itself, on its device, in eval mode; UsageError where onnxruntime computes."""
        from .torch_model import TorchModel

        if not isinstance(self.engine.model, TorchModel):
            raise UsageError(
                f"{self.contract.id} runs by onnxruntime; open it with engine='torch' for the model itself"
            )
        return self.engine.model.model


def open_engine(
    model: "str | Path | StreamModel" = "small",
    *,
    device: str = "auto",
    threads: int | None = None,
    batch: int | None = None,
    precision: Precision = "auto",
    many_sessions: bool = False,
    engine: Runtime = "auto",
) -> OpenedModel:
    """Load a model, move it to its device, and make the engine that answers with it.

    model          a shipped model's name, a folder, or a loaded model, whose weights are left as they are
    device         "cpu", "cuda", "cuda:N", or "auto": the GPU where there is one, else the CPU. With "auto" a loaded
                   model stays where it is
    threads        CPU threads of the whole process; None takes what suits the model, KEEP_THREADS changes nothing
    batch          the most windows in one forward pass; None takes what suits the device
    precision      "float32", "bfloat16" (on a GPU), or "auto": bfloat16 on a GPU, float32 on a CPU
    many_sessions  prepare the model for a server: fold its normalisation layers and pad windows to a few lengths, so
                   that windows of many sessions share a forward pass. Scores differ by rounding, about 1e-6
    engine         what computes: "torch", "onnx" (onnxruntime on a CPU, for a model that has a graph), or "auto":
                   onnxruntime where the model has a graph and no GPU is to be used, since there it is the faster and
                   starts without torch, and torch elsewhere. Scores differ by rounding, less than 1e-5

    Raises UsageError for a device that is not there, or a batch, precision or engine that makes no sense, and what
    `load_model` raises: NotCached, CardInvalid, HeadMismatch.
    """
    if batch is not None and not 1 <= batch <= LARGEST_BATCH:
        raise UsageError(f"--batch {batch}: must be from 1 to {LARGEST_BATCH}")
    note = ""
    if (where := _place_of_graph(model, engine, device, precision)) is not None:
        try:
            return _by_graph(where, threads or 1, batch)
        except ModelError as error:
            if engine == "onnx" or find_spec("torch") is None:
                raise
            note = f"{error}; torch computes instead"
    opened = _by_torch(model, device, threads, batch, precision, many_sessions=many_sessions)
    return replace(opened, note=note or opened.note)


def _place_of_graph(
    model: "str | Path | StreamModel", engine: Runtime, device: str, precision: Precision
) -> str | Path | None:
    """The name or folder of the model that onnxruntime is to run; None where torch is to."""
    if engine not in get_args(Runtime):
        raise UsageError(f"--engine {engine}: must be one of {', '.join(get_args(Runtime))}")
    named = model if isinstance(model, str | Path) else None
    if engine == "onnx":
        if named is None or device not in ("auto", "cpu"):
            raise UsageError(
                "--engine onnx runs a model by name or folder, on the CPU; --engine torch runs every other"
            )
        choose_precision(precision, "cpu")
        return named
    from emoscope.models.graph.load import runs_without_torch

    on_cpu = device == "cpu" or (device == "auto" and not _gpu_may_be_here())
    wanted = engine == "auto" and on_cpu and precision in ("auto", "float32")
    return named if wanted and named is not None and runs_without_torch(named) else None


def _by_graph(model: str | Path, threads: int, batch: int | None) -> OpenedModel:
    """The model in onnxruntime."""
    from emoscope.models.graph.load import load_graph_model

    from .array_model import BATCH, OnnxModel
    from .batch import BatchEngine

    loaded, size = load_graph_model(model, threads), batch or BATCH
    engine = BatchEngine(OnnxModel(loaded), size)
    engine.warm()
    return OpenedModel(loaded.contract, engine, size, "cpu", "float32", threads, "onnx")


def _gpu_may_be_here() -> bool:
    """Whether a GPU's driver is installed, so that torch is worth asking; importing it takes longer than all else."""
    return any(Path(place).exists() for place in DRIVERS)


def _by_torch(
    model: "str | Path | StreamModel", device: str, threads: int | None, batch: int | None, precision: Precision,
    *, many_sessions: bool,
) -> OpenedModel:  # fmt: skip
    """The model in torch, on its device."""
    if find_spec("torch") is None:
        raise UsageError(
            f"{model}: this model needs torch, which is not installed; `pip install torch`, or --model small"
        )
    import torch

    from emoscope.models.model import StreamModel
    from emoscope.models.store import load_model

    from .array_model import BATCH
    from .batch import BatchEngine
    from .torch_model import TorchModel

    if isinstance(model, StreamModel):
        place = str(model.device) if device == "auto" else choose_device(device)
        loaded = model
    else:
        place = choose_device(device)
        loaded = load_model(model)
        if many_sessions:
            loaded = loaded.for_inference()
    chosen = choose_precision(precision, place)
    if threads != KEEP_THREADS:
        torch.set_num_threads(threads or threads_for(loaded))
    try:
        loaded = loaded.to(place)
    except RuntimeError as error:  # torch's own: a driver that does not answer, or too little memory
        raise UsageError(f"--device {place}: {str(error).splitlines()[0]}") from None
    size = batch or (BATCH if place == "cpu" else GPU_BATCH)
    buckets = buckets_of(loaded) if many_sessions else None
    computes = TorchModel(loaded, size, half=chosen == "bfloat16")
    engine = BatchEngine(computes, size, buckets=buckets)
    engine.warm()
    note = computes.note and f"{loaded.contract.id}: {computes.note}"
    return OpenedModel(loaded.contract, engine, size, place, chosen, torch.get_num_threads(), note=note)


def threads_for(model: "StreamModel") -> int:
    """CPU threads that suit a model: on a busy machine, a second thread makes a small one many times slower."""
    return 1 if model.parameter_count <= SMALL_MODEL else os.cpu_count() or 1


def choose_device(device: str = "auto") -> str:
    """The device that a name stands for: "cpu", "cuda" or "cuda:N"; UsageError when it is not there."""
    import torch

    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device == "auto":
        return "cuda" if gpus else "cpu"
    kind, colon, number = device.partition(":")
    if device != "cpu" and (kind != "cuda" or (colon and not number.isdecimal())):
        raise UsageError(f"--device {device}: must be cpu, cuda, cuda:N or auto")
    if kind == "cuda" and not gpus:
        raise UsageError(f"--device {device}: torch sees no GPU here; use cpu")
    if number and int(number) >= gpus:
        raise UsageError(f"--device {device}: torch sees {gpus} GPU{'s' * (gpus != 1)} here, counted from 0")
    return device


def choose_precision(precision: Precision, device: str) -> str:
    """ "float32" or "bfloat16" for a device; UsageError for a name that is neither, or half precision on a CPU."""
    if precision not in get_args(Precision):
        raise UsageError(f"precision {precision!r}: must be one of {', '.join(get_args(Precision))}")
    if precision == "auto":
        return "float32" if device == "cpu" else "bfloat16"
    if precision == "bfloat16" and device == "cpu":
        raise UsageError("precision 'bfloat16' needs a GPU; a CPU computes in float32")
    return precision


def buckets_of(model: "StreamModel") -> list[int] | None:
    """Lengths in samples to which shorter windows are padded: half a window and a whole one; with a reach, multiples of
    half a usual window. None for a model whose features may depend on the padding."""
    if not model.padding_is_exact:
        return None
    contract = model.contract
    if contract.reach:
        usual = usual_window(contract)
        length = usual.end - usual.start
        steps = range(length, 2 * contract.window + length, length)
        return [min(contract.window, -(-step // (2 * contract.frame)) * contract.frame) for step in steps]
    half = contract.window // 2 // contract.frame * contract.frame
    return [half, contract.window] if half else [contract.window]
