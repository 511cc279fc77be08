"""Fixtures of the tests of models."""

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture
def right_bfloat16() -> Iterator[None]:
    """bfloat16 by torch's own kernels. oneDNN's grouped convolutions in bfloat16 give wrong results on a CPU with AMX
    (torch 2.13: one layer of random weights is off by its own size), and the product uses bfloat16 on GPUs alone."""
    with torch.backends.mkldnn.flags(enabled=False):
        yield
