"""The rows of the published comparison, by name (Leygue et al. 2025, table 2 and section 4.2)."""

from collections.abc import Callable
from functools import partial
from typing import Any

from ..errors import UsageError
from .base import Pooling
from .extremes import MaxPooling
from .softmax import AttentivePooling, AveragePooling, ReducedAttentionPooling, StatisticsPooling

# Section 4.2: multi-head rows score with one linear layer (n = 1), the others with two (n = 2, p = 256).
POOLINGS: dict[str, Callable[[int], Pooling[Any]]] = {
    "max": MaxPooling,
    "average": AveragePooling,
    "statistics": StatisticsPooling,
    "AS": partial(AttentivePooling, queries=1, heads=1, scorer="mlp"),
    "SA": partial(AttentivePooling, queries=2, heads=1, scorer="mlp"),
    "MHA": partial(AttentivePooling, queries=1, heads=2, scorer="linear"),
    "MQMHA-2x2": partial(AttentivePooling, queries=2, heads=2, scorer="linear"),
    "MQMHA-2x4": partial(AttentivePooling, queries=2, heads=4, scorer="linear"),
    "MQMHA-4x4": partial(AttentivePooling, queries=4, heads=4, scorer="linear"),
    "reduced": ReducedAttentionPooling,
}


def make_pooling(name: str, dim: int) -> Pooling[Any]:
    """A pooling of `dim` features by its name in `POOLINGS`."""
    if name not in POOLINGS:
        raise UsageError(f"no pooling {name!r}; there are {', '.join(POOLINGS)}")
    return POOLINGS[name](dim)
