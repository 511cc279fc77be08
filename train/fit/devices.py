"""Device, mixed precision and gradient accumulation, by accelerate."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from accelerate import Accelerator
from accelerate.state import AcceleratorState

Precision = Literal["fp32", "bf16"]


def accelerator_for(device: str, precision: Precision) -> Accelerator:
    """An Accelerator for one process on `device` (torch's name of it).

    bf16 runs what is inside `autocast()` in bfloat16; weights, gradients and sums stay in float32.
    """
    # accelerate keeps device and precision for the whole process; the next training may want others.
    AcceleratorState._reset_state(reset_partial_state=True)
    with _environment("ACCELERATE_TORCH_DEVICE", device):
        return Accelerator(mixed_precision="bf16" if precision == "bf16" else "no")


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    """Set an environment variable for a while. It is accelerate's only way to choose among several devices."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
