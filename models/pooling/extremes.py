"""Poolings that keep the largest: of each feature over the frames, or of a confidence over the segments."""

import torch
from torch import Tensor, nn

from ..pool_state import BestState, MaxState
from .base import Pooling, without_autocast


class MaxPooling(Pooling[MaxState]):
    """Largest value of each feature over the frames (Leygue et al. 2025, equation 1).

    Equation 1 multiplies by the mask before the maximum, so that padding (0) would beat a negative feature; here a
    hidden frame is -inf. A frame has no score: it counts by the share of the features whose maximum it holds.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = self.width = dim

    def init_state(self, batch: int = 1, device: torch.device | str | None = None) -> MaxState:
        return MaxState(torch.full((batch, self.dim), -torch.inf, device=device))

    def summarise(self, features: Tensor, mask: Tensor) -> tuple[MaxState, Tensor]:
        """As in `Pooling`; the scores are 0, as a frame's part in a maximum shows only when all frames are known."""
        hidden = ~mask[:, :, None]
        peak = features.float().masked_fill(hidden, -torch.inf).amax(1)
        return MaxState(peak), torch.zeros(*mask.shape, 1, 1, device=features.device)

    def read(self, state: MaxState) -> Tensor:
        peak: Tensor = state.peak
        return torch.where(peak == -torch.inf, torch.zeros_like(peak), peak)

    def weights(self, features: Tensor, mask: Tensor) -> Tensor:
        visible = features.float().masked_fill(~mask[:, :, None], -torch.inf)
        holder = (visible == visible.amax(1, keepdim=True)) & mask[:, :, None]
        share = holder / holder.sum(1, keepdim=True).clamp_min(1)
        return share.mean(2)[:, :, None, None]


class BestSegmentPooling(Pooling[BestState]):
    """The most confident segment decides for the utterance (Porjazovski et al. 2024, section 3.1).

    A sequence is cut into overlapping segments, each segment is averaged over time and classified by `head`; the one
    whose likeliest label has the highest probability is kept, and read as its mean (B, K). A sequence shorter than
    a segment is one segment. The last segment ends where the sequence ends, so that no frame is left out; the
    paper does not say what it does with a remainder (`keep_rest=False` drops it).

    States are of segments: merged states answer for the segments that each was made of, none straddles two calls.

    head      mean of a segment (..., K) to label logits (..., L), at least two labels; belongs to the model
    segment   length in frames; stride between two starts, in frames
    """

    def __init__(self, head: nn.Linear, segment: int, stride: int, keep_rest: bool = True) -> None:
        super().__init__()
        if not 0 < stride <= segment:
            raise ValueError(f"stride ({stride} frames) must be positive and at most a segment ({segment} frames)")
        self.dim = self.width = head.in_features
        self.segment, self.stride, self.keep_rest = segment, stride, keep_rest
        # In a tuple, so that it is not registered here: it is a submodule of the model already.
        self._head = (head,)

    def starts(self, frames: int) -> list[int]:
        """First frame of each segment of a sequence of `frames`."""
        if frames <= self.segment:
            return [0] if frames else []
        starts = list(range(0, frames - self.segment + 1, self.stride))
        rest = frames - self.segment
        return [*starts, rest] if self.keep_rest and starts[-1] != rest else starts

    def segments(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Means (B, S, K), float32, of the segments of features (B, T, K) where mask is true; which exist (B, S)."""
        rows: list[Tensor] = []
        for row, visible in zip(features, mask, strict=True):
            frames = row[visible].float()
            means = [frames[i : i + self.segment].mean(0) for i in self.starts(len(frames))]
            rows.append(torch.stack(means) if means else frames.new_zeros(0, self.dim))
        most = max(1, *(len(row) for row in rows)) if rows else 1
        padded = torch.stack([nn.functional.pad(row, (0, 0, 0, most - len(row))) for row in rows])
        counts = torch.tensor([len(row) for row in rows], device=features.device)
        return padded, torch.arange(most, device=features.device)[None] < counts[:, None]

    def odds(self, means: Tensor) -> Tensor:
        """log p/(1-p) (...) of the likeliest label of segments' means (..., K)."""
        with without_autocast(means):
            logits = self._head[0](means.to(self._head[0].weight.dtype))
        top = torch.sort(logits.float(), dim=-1, descending=True).values
        return top[..., 0] - top[..., 1:].logsumexp(-1)

    def init_state(self, batch: int = 1, device: torch.device | str | None = None) -> BestState:
        none = torch.full((batch, 1), -torch.inf, device=device)
        return BestState(none, torch.zeros(batch, self.dim, device=device))

    def _best(self, features: Tensor, mask: Tensor) -> tuple[BestState, Tensor]:
        means, exists = self.segments(features, mask)
        odds = self.odds(means).masked_fill(~exists, -torch.inf)
        best = odds.argmax(1)
        row = torch.arange(len(means), device=means.device)
        return BestState(odds[row, best][:, None], means[row, best] * exists[row, best][:, None]), best

    def summarise(self, features: Tensor, mask: Tensor) -> tuple[BestState, Tensor]:
        """As in `Pooling`; every frame has its best segment's odds as score."""
        state, _ = self._best(features, mask)
        scores = state.odds.nan_to_num(neginf=0.0)[:, :, None, None]
        return state, scores.expand(-1, mask.shape[1], -1, -1)

    def read(self, state: BestState) -> Tensor:
        mean: Tensor = state.mean
        return mean

    def weights(self, features: Tensor, mask: Tensor) -> Tensor:
        _, best = self._best(features, mask)
        shares = torch.zeros(*mask.shape, device=features.device)
        for row, visible in enumerate(mask):
            frames = visible.nonzero()[:, 0]
            starts = self.starts(len(frames))
            if starts:
                chosen = frames[starts[int(best[row])] :][: self.segment]
                shares[row, chosen] = 1.0 / len(chosen)
        return shares[:, :, None, None]
