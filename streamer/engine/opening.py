"""A model and its engine, on the device that is there."""

from pathlib import Path
from typing import TYPE_CHECKING

from emoscope.models.contract import ModelContract

from ..protocol.errors import UsageError

if TYPE_CHECKING:
    from emoscope.models.model import StreamModel

    from .batch import BatchEngine

CPU_BATCH = 16
GPU_BATCH = 256


def load(
    model: "str | Path | StreamModel", *, device: str = "auto", threads: int | None = None, batch: int | None = None
) -> tuple[ModelContract, "BatchEngine", int]:
    """Contract, engine and windows in a batch. Slow the first time: it imports torch.

    UsageError when the device is not there, or the batch makes no sense.
    """
    import torch

    from emoscope.models.model import StreamModel
    from emoscope.models.small.inference import for_inference
    from emoscope.models.store import load_model

    from .batch import BatchEngine, threads_for

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise UsageError(f"--device {device}: torch sees no GPU here; use cpu")
    if device != "cpu" and not device.startswith("cuda"):
        raise UsageError(f"--device {device}: cpu, cuda, or auto")
    if batch is not None and not 1 <= batch <= 4_096:
        raise UsageError(f"--batch {batch}: must be from 1 to 4096")
    loaded = model if isinstance(model, StreamModel) else for_inference(load_model(model))
    torch.set_num_threads(threads or threads_for(loaded))
    size = batch or (GPU_BATCH if device.startswith("cuda") else CPU_BATCH)
    engine = BatchEngine(loaded.to(device), size, buckets=buckets_of(loaded), half=True)
    engine.warm()
    return loaded.contract, engine, size


def buckets_of(model: "StreamModel") -> list[int] | None:
    """Lengths to pad windows to: half and whole, where padding is known to change nothing."""
    if model.architecture != "small":
        return None
    contract = model.contract
    half = contract.window // 2 // contract.frame * contract.frame
    return [half, contract.window] if half else [contract.window]
