"""The one way to open a model: `listen`, `replay`, `serve`, `evaluate` and `bench` all come here.

Importing this module imports no torch; `open_engine` does, when it is called.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from emoscope.models.contract import ModelContract
from emoscope.models.windows import usual_window

from ..protocol.errors import UsageError

if TYPE_CHECKING:
    from emoscope.models.model import StreamModel

    from .batch import BatchEngine

Precision = Literal["auto", "float32", "bfloat16"]

GPU_BATCH = 256
LARGEST_BATCH = 4_096
KEEP_THREADS = 0
SMALL_MODEL = 5_000_000  # parameters; up to here a window costs a few ms, and threads cost more than they bring


@dataclass(frozen=True)
class OpenedModel:
    """A model that answers requests.

    contract   what a session must know of the model
    engine     answers requests; already warmed up
    batch      the most windows in one forward pass
    device     where the model runs: "cpu", "cuda" or "cuda:N"
    precision  "float32", or "bfloat16" where the encoder runs in half precision; pool states are float32 in both
    threads    CPU threads of this process
    """

    contract: ModelContract
    engine: "BatchEngine"
    batch: int
    device: str
    precision: str
    threads: int

    @property
    def loaded(self) -> "tuple[ModelContract, BatchEngine]":
        """Contract and engine, as `Live` and `serving` take them."""
        return self.contract, self.engine

    @property
    def model(self) -> "StreamModel":
        """The loaded model itself, on its device, in eval mode."""
        return self.engine.model


def open_engine(
    model: "str | Path | StreamModel" = "small",
    *,
    device: str = "auto",
    threads: int | None = None,
    batch: int | None = None,
    precision: Precision = "auto",
    many_sessions: bool = False,
) -> OpenedModel:
    """Load a model, move it to its device, and make the engine that answers with it. Slow the first time: it imports
    torch.

    model          a shipped model's name, a folder, or a loaded model, whose weights are left as they are
    device         "cpu", "cuda", "cuda:N", or "auto": the GPU where there is one, else the CPU. With "auto" a loaded
                   model stays where it is
    threads        CPU threads of the whole process; None takes what suits the model, KEEP_THREADS changes nothing
    batch          the most windows in one forward pass; None takes what suits the device
    precision      "float32", "bfloat16" (on a GPU), or "auto": bfloat16 on a GPU, float32 on a CPU
    many_sessions  prepare the model for a server: fold its normalisation layers and pad windows to a few lengths, so
                   that windows of many sessions share a forward pass. Scores differ by rounding, about 1e-6

    Raises UsageError for a device that is not there, or a batch or precision that makes no sense, and what
    `load_model` raises: NotCached, CardInvalid, HeadMismatch.
    """
    import torch

    from emoscope.models.model import StreamModel
    from emoscope.models.store import load_model

    from .batch import BATCH, BatchEngine

    if batch is not None and not 1 <= batch <= LARGEST_BATCH:
        raise UsageError(f"--batch {batch}: must be from 1 to {LARGEST_BATCH}")
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
    engine = BatchEngine(loaded, size, buckets=buckets, half=chosen == "bfloat16")
    engine.warm()
    return OpenedModel(loaded.contract, engine, size, place, chosen, torch.get_num_threads())


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
