"""Tables that a front end computes once.

On the meta device, where a card's network is made to compare shapes, torch computes these two in Python, and imports its
compiler for it, which takes as long as everything else of opening a model. A shape is all that counts there.
"""

import torch
from torch import Tensor


def linspace(first: float, last: float, count: int) -> Tensor:
    """(count,) evenly spaced numbers, the last one included."""
    return torch.empty(count) if _only_shapes() else torch.linspace(first, last, count)


def hann(length: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """(length,) periodic Hann window."""
    return torch.empty(length, dtype=dtype) if _only_shapes() else torch.hann_window(length, dtype=dtype)


def _only_shapes() -> bool:
    return torch.get_default_device().type == "meta"
