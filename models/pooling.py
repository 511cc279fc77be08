"""Attentive pooling with Q queries and H heads, incremental and exact.

Leygue et al. (2025), "Explainable speech emotion recognition through attentive pooling", equations 4 to 7: a scorer
gives each frame a weight for every query and head; the pooled vector is the weighted mean and standard deviation.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from .pool_state import TINY, SoftmaxState


def summarise(scores: Tensor, features: Tensor, mask: Tensor) -> SoftmaxState:
    """State of one window, in float32 whatever came in.

    scores    (B, T, Q, H)
    features  (B, T, H, K/H)
    mask      (B, T)          true where a frame counts; a mask that hides everything gives the empty state
    """
    scores = scores.float().masked_fill(~mask[:, :, None, None], -torch.inf)
    peak = scores.amax(1)
    floor = torch.where(peak.isinf(), torch.zeros_like(peak), peak)
    weights = torch.exp(scores - floor.detach()[:, None])
    mass = weights.sum(1)
    share = weights / mass.clamp_min(TINY)[:, None]
    features = features.float()
    mean = torch.einsum("btqh,bthk->bqhk", share, features)
    centred = features[:, :, None] - mean[:, None]
    variance = torch.einsum("btqh,btqhk->bqhk", share, centred.square())
    return SoftmaxState(peak, mass, mean, variance)


class AttentivePooling(nn.Module):
    """Weighted mean and standard deviation over all frames heard, one softmax per query and head.

    dim       K, width of a frame
    queries   Q, heads H (K divisible by H)
    scorer    "linear", or "mlp" with a hidden ReLU layer of 256
    width     2 Q K, width of what `read` gives
    """

    def __init__(self, dim: int, queries: int = 1, heads: int = 1, scorer: Literal["linear", "mlp"] = "linear") -> None:
        super().__init__()
        if dim % heads:
            raise ValueError(f"{dim} features do not divide into {heads} heads")
        self.dim, self.queries, self.heads = dim, queries, heads
        self.width = 2 * queries * dim
        part = dim // heads
        outputs = queries * heads
        hidden = 256
        # Each head scores from its own part of the features: a grouped 1x1 convolution is H small linear layers.
        self.scorer: nn.Module = (
            nn.Conv1d(dim, outputs, 1, groups=heads)
            if scorer == "linear"
            else nn.Sequential(
                nn.Conv1d(dim, hidden * heads, 1, groups=heads),
                nn.ReLU(),
                nn.Conv1d(hidden * heads, outputs, 1, groups=heads),
            )
        )
        self.part = part

    def scores(self, features: Tensor) -> Tensor:
        """Attention scores (B, T, Q, H) of features (B, T, K)."""
        raw: Tensor = self.scorer(features.transpose(1, 2))
        return raw.reshape(len(raw), self.heads, self.queries, -1).permute(0, 3, 2, 1)

    def init_state(self, batch: int = 1) -> SoftmaxState:
        """The state of no frames."""
        shape = (batch, self.queries, self.heads)
        vector = torch.zeros(*shape, self.part)
        return SoftmaxState(torch.full(shape, -torch.inf), torch.zeros(shape), vector, vector.clone())

    def summarise(self, features: Tensor, mask: Tensor) -> tuple[SoftmaxState, Tensor]:
        """State of features (B, T, K) where mask (B, T) is true, and their scores (B, T, Q, H)."""
        scores = self.scores(features)
        return summarise(scores, features.reshape(*features.shape[:2], self.heads, self.part), mask), scores

    def update(self, state: SoftmaxState, features: Tensor, mask: Tensor) -> SoftmaxState:
        """The state after more frames: constant work, however many came before."""
        return state.merge(self.summarise(features, mask)[0])

    def read(self, state: SoftmaxState) -> Tensor:
        """Pooled vector (B, 2QK): means, then standard deviations. The empty state reads as zeros."""
        deviation = state.variance.clamp_min(1e-8).sqrt() * (state.mass > 0)[..., None]
        return torch.cat([state.mean.flatten(1), deviation.flatten(1)], 1)

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """The whole utterance at once: `read(update(init_state))`."""
        return self.read(self.summarise(features, mask)[0])
