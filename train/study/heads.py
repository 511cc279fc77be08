"""What a study trains over an encoder's frozen frames: a small projection of each frame, and what the study varies.

The papers fine-tune their encoders. Where the encoder stays as it is, a pooled mean has nothing that a triplet loss
could move, so a trained projection of each frame stands for the layers that they tune, the same in every row.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from emoscope.models.pooling import AveragePooling, BestSegmentPooling, Pooling, make_pooling
from emoscope.models.systems import AttentiveConfig, SegmentalConfig
from emoscope.models.systems.attentive import classifier
from emoscope.models.systems.segmental import classify, outputs_of

from ..published.losses import focal_loss, inverse_frequency, pick_triplets, segmental_loss

OWN_RULE = ""
MEAN_RULE = "by the mean"
"""Of a model that learned from segments: the mean over all frames answers, not the most confident segment."""


@dataclass(frozen=True, kw_only=True)
class HeadShape:
    """The sizes that every row shares: of the projection and of the MLP's hidden layer; and the dropout."""

    width: int = 64
    hidden: int = 128
    dropout: float = 0.3


class StudyHead(nn.Module, ABC):
    """Frames (B, T, W) where mask (B, T) is true to label logits (B, L)."""

    def __init__(self, width: int, shape: HeadShape) -> None:
        super().__init__()
        self.project = nn.Sequential(nn.Linear(width, shape.width), nn.GELU(), nn.LayerNorm(shape.width))

    @abstractmethod
    def loss(self, frames: Tensor, mask: Tensor, targets: Tensor, seed: int) -> Tensor:
        """The paper's loss () of a batch with label indices targets (B,); `seed` is for what it draws."""

    @abstractmethod
    def logits(self, frames: Tensor, mask: Tensor) -> Mapping[str, Tensor]:
        """Logits (B, L) by the rule that answers: the paper's own, OWN_RULE, and others of the same weights."""


class PoolingHead(StudyHead):
    """One pooling under an MLP, with the weighted focal loss (Leygue et al. 2025, sections 2.1.2, 2.2 and 2.3)."""

    def __init__(self, row: str, width: int, counts: Sequence[int], shape: HeadShape) -> None:
        super().__init__(width, shape)
        config = AttentiveConfig(speech={}, text={}, pooling=row, hidden=shape.hidden, dropout=shape.dropout)
        self.pooling: Pooling[Any] = make_pooling(row, shape.width)
        self.classifier = classifier(self.pooling.width, config, len(counts))
        self._weights = inverse_frequency(counts)

    def loss(self, frames: Tensor, mask: Tensor, targets: Tensor, seed: int) -> Tensor:
        return focal_loss(self._logits(frames, mask), targets, self._weights)

    def logits(self, frames: Tensor, mask: Tensor) -> Mapping[str, Tensor]:
        return {OWN_RULE: self._logits(frames, mask)}

    def _logits(self, frames: Tensor, mask: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.pooling(self.project(frames), mask))
        return logits


class SegmentHead(StudyHead):
    """A linear layer over the mean of the whole and of segments (Porjazovski et al. 2024, section 3)."""

    def __init__(self, config: SegmentalConfig, width: int, labels: int, shape: HeadShape) -> None:
        super().__init__(width, shape)
        self.config = config
        self.dropout = nn.Dropout(shape.dropout)
        self.head = nn.Linear(shape.width, labels)
        self.pooling: Pooling[Any] = AveragePooling(shape.width)
        if config.segments:
            self.pooling = BestSegmentPooling(self.head, config.segment, config.stride, config.keep_rest)

    def loss(self, frames: Tensor, mask: Tensor, targets: Tensor, seed: int) -> Tensor:
        outputs = outputs_of(self._hidden(frames), mask, self.pooling, self.head)
        triplets = pick_triplets(targets.tolist(), mask.sum(1).tolist(), seed)
        return segmental_loss(outputs, targets, triplets, self.config)

    def logits(self, frames: Tensor, mask: Tensor) -> Mapping[str, Tensor]:
        hidden = self._hidden(frames)
        own = classify(self.pooling(hidden, mask), self.head)
        if not self.config.segments:
            return {OWN_RULE: own}
        return {OWN_RULE: own, MEAN_RULE: outputs_of(hidden, mask, self.pooling, self.head).whole_logits}

    def _hidden(self, frames: Tensor) -> Tensor:
        hidden: Tensor = self.dropout(self.project(frames))
        return hidden


def parameters_of(head: nn.Module) -> int:
    """How many numbers are trained."""
    return sum(parameter.numel() for parameter in head.parameters() if parameter.requires_grad)


def predictions(head: StudyHead, batches: Sequence[tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
    """The likeliest label (N,) of each clip in the batches' order, by the rule that answers."""
    with torch.inference_mode():
        made = [head.logits(frames, mask) for frames, mask in batches]
    return {rule: torch.cat([one[rule] for one in made]).argmax(1) for rule in made[0]}
