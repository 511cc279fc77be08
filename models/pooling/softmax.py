"""Poolings that are one softmax over all frames: every frame has a weight for each query and head.

Leygue et al. (2025), "Explainable speech emotion recognition through attentive pooling", section 2.2: average and
statistics pooling (equations 2 and 3) are the case of equal scores, attentive pooling (equations 4 to 7) that of
learned ones. Casals-Salvador et al. (2024), section 4: reduced attention pooling.
"""

import math
from abc import abstractmethod
from typing import Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ..pool_state import TINY, SoftmaxState
from .base import Pooling, without_autocast

HIDDEN = 256


def summarise(scores: Tensor, features: Tensor, mask: Tensor) -> SoftmaxState:
    """State of one window, in float32 whatever came in.

    scores    (B, T, Q, H)
    features  (B, T, H, K/H)
    mask      (B, T)          true where a frame counts; a mask that hides everything gives the empty state
    """
    scores = scores.float().masked_fill(~mask[:, :, None, None], -torch.inf)
    # The peak only scales; what is read does not depend on it. Left out of the gradient here and in every merge,
    # it leaves the gradient of merged states that of the whole.
    peak = scores.detach().amax(1)
    floor = torch.where(peak.isinf(), torch.zeros_like(peak), peak)
    weights = torch.exp(scores - floor[:, None])
    mass = weights.sum(1)
    share = weights / mass.clamp_min(TINY)[:, None]
    features = features.float().masked_fill(~mask[:, :, None, None], 0.0)
    with without_autocast(features):
        mean = torch.einsum("btqh,bthk->bqhk", share, features)
        centred = features[:, :, None] - mean[:, None]
        variance = torch.einsum("btqh,btqhk->bqhk", share, centred.square())
    return SoftmaxState(peak, mass, mean, variance)


class SoftmaxPooling(Pooling[SoftmaxState]):
    """Weighted mean, and with `deviations` the weighted standard deviation, over all frames."""

    def __init__(self, dim: int, queries: int = 1, heads: int = 1, deviations: bool = True) -> None:
        super().__init__()
        if dim % heads:
            raise ValueError(f"{dim} features do not divide into {heads} heads")
        self.dim, self.queries, self.heads, self.deviations = dim, queries, heads, deviations
        self.part = dim // heads
        self.width = (2 if deviations else 1) * queries * dim

    @abstractmethod
    def scores(self, features: Tensor) -> Tensor:
        """Attention scores (B, T, Q, H), float32, of features (B, T, K)."""

    def init_state(self, batch: int = 1, device: torch.device | str | None = None) -> SoftmaxState:
        shape = (batch, self.queries, self.heads)
        vector = torch.zeros(*shape, self.part, device=device)
        none = torch.full(shape, -torch.inf, device=device)
        return SoftmaxState(none, torch.zeros(shape, device=device), vector, vector.clone())

    def summarise(self, features: Tensor, mask: Tensor) -> tuple[SoftmaxState, Tensor]:
        # Hidden frames may hold anything, even NaN, which 0 x NaN would carry into the gradient of the scorer.
        features = features.masked_fill(~mask[:, :, None], 0.0)
        scores = self.scores(features)
        return summarise(scores, features.reshape(*mask.shape, self.heads, self.part), mask), scores

    def read(self, state: SoftmaxState) -> Tensor:
        """Pooled vector (B, width): means, then standard deviations. The empty state reads as zeros."""
        pooled: Tensor = state.vector(self.deviations)
        return pooled

    def weights(self, features: Tensor, mask: Tensor) -> Tensor:
        state, scores = self.summarise(features, mask)
        floor = torch.where(state.peak.isinf(), torch.zeros_like(state.peak), state.peak)
        shares: Tensor = torch.exp(scores.float() - floor[:, None]) / state.mass.clamp_min(TINY)[:, None]
        return shares.masked_fill(~mask[:, :, None, None], 0.0)


class AveragePooling(SoftmaxPooling):
    """Mean over the frames (Leygue et al. 2025, equation 2)."""

    def __init__(self, dim: int) -> None:
        super().__init__(dim, deviations=False)

    def scores(self, features: Tensor) -> Tensor:
        return torch.zeros(*features.shape[:2], 1, 1, device=features.device)


class StatisticsPooling(AveragePooling):
    """Mean and standard deviation over the frames (Leygue et al. 2025, equation 3)."""

    def __init__(self, dim: int) -> None:
        super().__init__(dim)
        self.deviations, self.width = True, 2 * dim


class AttentivePooling(SoftmaxPooling):
    """Multi-query multi-head attentive statistics pooling (Leygue et al. 2025, equations 4 to 7).

    One softmax a query and head; the output (B, 2QK) holds all weighted means, then all standard deviations. The
    variance is kept centred where equation 7 subtracts two squares, which loses digits in float32.

    dim       K, width of a frame
    queries   Q, heads H (K divisible by H)
    scorer    F of equation 4: "linear" (n = 1), or "mlp" (n = 2) with a hidden ReLU layer of p = 256 for each
              query and head
    """

    def __init__(self, dim: int, queries: int = 1, heads: int = 1, scorer: Literal["linear", "mlp"] = "linear") -> None:
        super().__init__(dim, queries, heads)
        outputs = queries * heads
        # Each head scores from its own part of the features: a grouped 1x1 convolution is H small linear layers.
        self.scorer: nn.Module = (
            nn.Conv1d(dim, outputs, 1, groups=heads)
            if scorer == "linear"
            else nn.Sequential(
                nn.Conv1d(dim, HIDDEN * outputs, 1, groups=heads),
                nn.ReLU(),
                nn.Conv1d(HIDDEN * outputs, outputs, 1, groups=outputs),
            )
        )

    def scores(self, features: Tensor) -> Tensor:
        # In float32 also where the module or autocast is in bfloat16, which at a score of 80 steps by a half, and the
        # weights with it by two thirds.
        with without_autocast(features):
            weights = {name: parameter.float() for name, parameter in self.scorer.named_parameters()}
            raw: Tensor = functional_call(self.scorer, weights, (features.float().transpose(1, 2),))
        return raw.reshape(len(raw), self.heads, self.queries, -1).permute(0, 3, 2, 1)


class ReducedAttentionPooling(SoftmaxPooling):
    """Weighted mean with weights softmax(h_t u / sqrt(E)) (Casals-Salvador et al. 2024, section 4, equations 1 and 2).

    u is learned, Xavier-initialised. Over two sequences of one width (voice and words) the softmax is one: the
    state of both is the merge of the two states.
    """

    def __init__(self, dim: int) -> None:
        super().__init__(dim, deviations=False)
        self.query = nn.Parameter(torch.empty(dim, 1))
        nn.init.xavier_uniform_(self.query)

    def scores(self, features: Tensor) -> Tensor:
        with without_autocast(features):
            raw: Tensor = features.float() @ self.query.float() / math.sqrt(self.dim)
        return raw[..., None]
