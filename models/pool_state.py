"""Pool states: what is kept of a set of frames. Small, mergeable, always float32 (models/README.md, exact pooling).

For query q and head h, with scores e_t and features x_t, any set of frames is summarised by

    m = max e_t     z = sum exp(e_t - m)     a = sum exp(e_t - m) x_t / z     v = sum exp(e_t - m) (x_t - a)^2 / z

Two such states merge into the state of the union: the larger m wins, the other is scaled by exp(m2 - m1); means
and variances combine as in Chan, Golub and LeVeque (1979), "Updating formulae and a pairwise algorithm for
computing sample variances". The merge is associative and commutative.

The arrays may be NumPy's (in a session) or torch's (in a model). The same code works on both, and this module does not
import torch.
"""

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

import numpy as np

TINY = float(np.finfo(np.float32).tiny)
# Under the square root, so that a constant feature has a gradient: its standard deviation reads as 1e-6.
VARIANCE_FLOOR = 1e-12


def _namespace(array: Any) -> Any:
    if isinstance(array, np.ndarray):
        return np
    return sys.modules["torch"]  # a tensor exists, so torch is imported


class PoolState(ABC):
    """Base of the states of all poolings: frozen dataclasses of arrays with the same leading axes."""

    kind: ClassVar[str]

    @abstractmethod
    def merge(self, other: Self) -> Self:
        """State of the union of two disjoint sets of frames."""

    @abstractmethod
    def weighted(self, log_weight: float) -> Self:
        """The same frames with exp(log_weight) times their weight; a half-life lowers the weight of older frames so."""

    def attention(self, scores: Any) -> Any:
        """Share (T,) of each of T frames in this state (no batch axis), from their scores (T, G).

        All frames have the same share in a pooling without scores. Shares are relative; the caller normalises them.
        """
        return np.ones(len(scores), np.float32)

    def map(self, function: Callable[[Any], Any]) -> Self:
        """The same state with `function` applied to each array: a slice, a copy, another device."""
        return type(self)(**{f.name: function(getattr(self, f.name)) for f in fields(self)})  # type: ignore[arg-type]

    def arrays(self) -> dict[str, Any]:
        """Each array by its name, for saving."""
        return {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]


@dataclass(frozen=True)
class SoftmaxState(PoolState):
    """State of attentive pooling; average and statistics pooling are the case of equal scores.

    peak      (..., Q, H)        largest attention score so far, -inf for no frame
    mass      (..., Q, H)        sum of exp(score - peak)
    mean      (..., Q, H, K/H)   weighted mean of the features
    variance  (..., Q, H, K/H)   weighted variance around that mean
    """

    kind: ClassVar[str] = "softmax"

    peak: Any
    mass: Any
    mean: Any
    variance: Any

    @classmethod
    def of_frames(cls, scores: Any, features: Any) -> Self:
        """State of some frames, without a batch axis, in NumPy. `pooling.summarise` is the same in torch, for a batch.

        scores    (T, Q, H)
        features  (T, H, K/H)
        """
        if not len(scores):
            none, vector = np.zeros(scores.shape[1:], np.float32), np.zeros((*scores.shape[1:], features.shape[2]))
            return cls(none - np.inf, none, vector.astype(np.float32), vector.astype(np.float32))
        peak = scores.max(0)
        weights = np.exp(scores - peak)
        mass = weights.sum(0)
        share = (weights / mass).transpose(2, 1, 0)  # (H, Q, T), so that a product a head is all that is needed
        mean = (share @ features.transpose(1, 0, 2)).transpose(1, 0, 2)
        centred = features[:, None] - mean
        variance = (share.transpose(1, 0, 2)[:, :, None] @ (centred * centred).transpose(1, 2, 0, 3))[:, :, 0]
        return cls(peak, mass, np.ascontiguousarray(mean), variance)

    def vector(self, deviations: bool = True) -> Any:
        """Pooled vectors (B, width): means, then weighted standard deviations. The empty state reads as zeros."""
        xp = _namespace(self.mean)
        count = len(self.mean)
        mean = self.mean.reshape(count, -1)
        if not deviations:
            return mean
        deviation = xp.sqrt(self.variance.clip(VARIANCE_FLOOR)) * (self.mass > 0)[..., None]
        return xp.concatenate([mean, deviation.reshape(count, -1)], 1)

    def merge(self, other: "SoftmaxState") -> "SoftmaxState":
        xp = _namespace(self.peak)
        peak = xp.maximum(self.peak, other.peak)
        floor = xp.where(xp.isinf(peak), xp.zeros_like(peak), peak)
        mass_a = self.mass * xp.exp(self.peak - floor)
        mass_b = other.mass * xp.exp(other.peak - floor)
        mass = mass_a + mass_b
        # Both shares by division: 1 - share would round away a small one, and with it the variance that it brings.
        share_a = (mass_a / mass.clip(TINY))[..., None]
        share_b = (mass_b / mass.clip(TINY))[..., None]
        step = other.mean - self.mean
        mean = self.mean + share_b * step
        variance = share_a * self.variance + share_b * other.variance + share_a * share_b * (step * step)
        return SoftmaxState(peak, mass, mean, variance)

    def weighted(self, log_weight: float) -> "SoftmaxState":
        return SoftmaxState(self.peak + log_weight, self.mass, self.mean, self.variance)

    def attention(self, scores: Any) -> Any:
        peak, mass = self.peak.reshape(-1), self.mass.reshape(-1)
        floor = np.where(np.isinf(peak), 0.0, peak)
        return (np.exp(scores - floor) / np.maximum(mass, TINY)).mean(1)


@dataclass(frozen=True)
class MaxState(PoolState):
    """State of max pooling: peak (..., K), the largest value of each feature, -inf for no frame.

    A frame of weight w has log w added to its features (log 0 = -inf for a hidden frame), as it would be added to an
    attention score: max pooling is the limit of a softmax. So a half-life lowers the features by ln 2.
    """

    kind: ClassVar[str] = "max"

    peak: Any

    def merge(self, other: "MaxState") -> "MaxState":
        return MaxState(_namespace(self.peak).maximum(self.peak, other.peak))

    def weighted(self, log_weight: float) -> "MaxState":
        return MaxState(self.peak + log_weight)


@dataclass(frozen=True)
class BestState(PoolState):
    """State of the best-segment rule: the segment whose likeliest label is likeliest of all segments so far.

    odds  (..., 1)   log p/(1-p) of that label, -inf for no segment. It orders segments as p does and, unlike p,
                     does not round to 1 when a model is very sure.
    mean  (..., K)   mean of that segment's features. If two segments tie exactly, the larger value of each feature,
                     so that merging stays commutative.
    """

    kind: ClassVar[str] = "best"

    odds: Any
    mean: Any

    def merge(self, other: "BestState") -> "BestState":
        xp = _namespace(self.odds)
        tied = xp.maximum(self.mean, other.mean)
        won = xp.where(self.odds > other.odds, self.mean, other.mean)
        mean = xp.where(self.odds == other.odds, tied, won)
        return BestState(xp.maximum(self.odds, other.odds), mean)

    def weighted(self, log_weight: float) -> "BestState":
        return BestState(self.odds + log_weight, self.mean)

    def attention(self, scores: Any) -> Any:
        # A frame's score is its segment's odds, so the frames of the best segment are those with exactly its odds.
        return (scores == self.odds).all(1).astype(np.float32)


KINDS: dict[str, type[PoolState]] = {kind.kind: kind for kind in (SoftmaxState, MaxState, BestState)}


def stack(states: Sequence[PoolState]) -> PoolState:
    """NumPy states of one kind and shape as one state, with a new leading axis."""
    first = states[0]
    names = first.arrays()
    return type(first)(**{name: np.stack([getattr(state, name) for state in states]) for name in names})
