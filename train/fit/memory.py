"""Too little memory for a batch, as an error that says what to set."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ..errors import OutOfMemory

SIGNS = ("can't allocate memory", "not enough memory", "out of memory")  # of torch's allocators


@contextmanager
def enough_memory(place: str) -> Iterator[None]:
    """Raise OutOfMemory where torch or numpy cannot get the memory that a step at `place` needs."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        known = isinstance(error, torch.OutOfMemoryError | MemoryError)
        if not known and not any(sign in str(error) for sign in SIGNS):
            raise
        raise OutOfMemory(
            f"too little memory for a batch, in {place}: halve batch and double accumulate, which gives the same mean "
            "gradient; longest_s cuts long clips, and precision=bf16 halves the activations"
        ) from None
