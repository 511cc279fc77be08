"""Poolings and frames that the tests of every pooling share."""

from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor, nn

from emoscope.models.pool_state import PoolState
from emoscope.models.pooling import POOLINGS, BestSegmentPooling, Pooling, make_pooling

DIM = 8
NAMES = [*POOLINGS, "best"]


def pooling(name: str) -> Pooling[Any]:
    torch.manual_seed(3)
    if name == "best":
        return BestSegmentPooling(nn.Linear(DIM, 3), segment=4, stride=2)
    return make_pooling(name, DIM)


def frames(seed: int, count: int, batch: int = 1) -> Tensor:
    return torch.randn(batch, count, DIM, generator=torch.Generator().manual_seed(seed))


def shown(features: Tensor) -> Tensor:
    return torch.ones(features.shape[:2], dtype=torch.bool)


def close(a: PoolState, b: PoolState, atol: float = 1e-5) -> bool:
    """Equal masses, whichever peak they are counted from, and equal everything else."""
    one, two = a.arrays(), b.arrays()
    if "mass" in one:
        floor = torch.maximum(one["peak"], two["peak"]).nan_to_num(neginf=0.0)
        for side in (one, two):
            side["mass"] = side["mass"] * torch.exp(side["peak"] - floor)
        one["mass"], two["mass"] = one["mass"] / two["mass"].clip(1), two["mass"] / two["mass"].clip(1)
    assert one.keys() == two.keys() != set()
    return all(torch.allclose(one[key], two[key], atol=atol, rtol=1e-5) for key in one)


def two_pass(scores: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation (1, Q, H, K/H) of a softmax over all frames, in float64 and the plain way."""
    weights = torch.softmax(scores.double(), 1)
    x = features.double().reshape(*features.shape[:2], scores.shape[3], -1)
    mean = torch.einsum("btqh,bthk->bqhk", weights, x)
    variance = torch.einsum("btqh,btqhk->bqhk", weights, (x[:, :, None] - mean[:, None]) ** 2)
    return mean, variance.sqrt()


cuts = st.lists(st.floats(0, 1), max_size=6)
