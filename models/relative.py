"""What models with a speaker baseline share: embeddings of pooled states, each read relative to its speaker's mean."""

from abc import abstractmethod

import torch
from torch import Tensor, nn

from .contract import ModelContract
from .model import StreamModel
from .pool_state import PoolState, SoftmaxState
from .pooling.softmax import SoftmaxPooling
from .reading import DIMENSIONS, Calibration
from .speaker import SpeakerProfiles, relative, standardised


class RelativeModel(StreamModel):
    """A stream model whose heads are linear in its pooled embedding, relative to the speaker's baseline.

    clip  bound of the features of embeddings and baselines, in standard deviations over the training speakers
    """

    pooling: SoftmaxPooling
    head: nn.Module
    ratings: nn.Module | None
    clip: float

    def __init__(self, contract: ModelContract, calibration: Calibration) -> None:
        super().__init__()
        if contract.dimensions not in ((), DIMENSIONS):
            raise ValueError(f"dimensions are {DIMENSIONS} or none, not {contract.dimensions}")
        self.contract, self.calibration = contract, calibration

    def add_heads(self, pooling: SoftmaxPooling, dropout: float, clip: float) -> None:
        """Add the pooling and what follows it; a subclass calls this once its encoder is there."""
        contract = self.contract
        self.clip = clip
        self.pooling = pooling
        width = pooling.width
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, len(contract.labels))
        self.ratings = nn.Linear(width, len(contract.dimensions)) if contract.dimensions else None
        # Which share of each feature of the speaker's baseline is subtracted. One number a feature: a full matrix
        # would memorise the few speakers of the training data.
        self.own = nn.Parameter(torch.full((width,), 0.5)) if contract.baseline else None
        # Mean and standard deviation of embeddings over the training speakers; an unknown speaker is taken as average.
        self.register_buffer("centre", torch.zeros(width))
        self.register_buffer("spread", torch.ones(width))
        self.centre: Tensor
        self.spread: Tensor

    @abstractmethod
    def card_config(self) -> dict[str, object]:
        """The model's shape, as its card holds it."""

    def embed(self, state: PoolState) -> Tensor:
        assert isinstance(state, SoftmaxState)
        return self.pooling.read(state)

    def logits(self, state: PoolState, speakers: SpeakerProfiles | None = None) -> tuple[Tensor, Tensor]:
        return self.decide(self.embed(state), speakers)

    def decide(self, embedding: Tensor, speakers: SpeakerProfiles | None) -> tuple[Tensor, Tensor]:
        """Label logits (B, L) and dimensions (B, D) of embeddings (B, K), each relative to its speaker's baseline."""
        x = self._standard(embedding)
        if speakers is not None and self.own is not None:
            x = relative(x, self._standard(speakers.mean), speakers.weight, self.own)
        x = self.dropout(x)
        logits: Tensor = self.head(x)
        if self.ratings is None:
            return logits, logits[:, :0]
        return logits, torch.tanh(self.ratings(x))

    def _standard(self, embedding: Tensor) -> Tensor:
        return standardised(embedding, self.centre, self.spread, self.clip)
