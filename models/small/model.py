"""`small`: mel bands and periodicity, convolutions, attentive pooling, linear heads."""

from dataclasses import asdict, dataclass
from typing import Self

import torch
from torch import Tensor, nn

from ..contract import ModelContract
from ..model import Encoded, StreamModel, frame_mask
from ..pool_state import PoolState, SoftmaxState
from ..pooling import AttentivePooling
from ..reading import DIMENSIONS, Calibration
from ..speaker import PRIOR_WEIGHT, SpeakerProfiles
from .encoder import ConvEncoder
from .frontend import Frontend
from .inference import fold_normalisation


@dataclass(frozen=True, kw_only=True)
class SmallConfig:
    """Shape of `small`. Window, hop and frame are in the contract.

    bands     mel bands
    channels  of the stem and of the three residual blocks
    dim       width of a feature frame
    range_db  dynamic range of the mel bands: what is further below a window's loudest value is clamped
    lags      periods at which periodicity is measured; 0 for mel bands alone
    clip      bound of the features of embeddings and baselines, in standard deviations over the training speakers
    """

    bands: int = 64
    channels: tuple[int, int, int, int] = (16, 32, 64, 128)
    dim: int = 192
    queries: int = 2
    heads: int = 2
    dropout: float = 0.2
    range_db: float = 60.0
    lags: int = 48
    clip: float = 4.0


class SmallModel(StreamModel):
    """Windows of audio to label scores, and to arousal, valence and dominance."""

    architecture = "small"
    padding_is_exact = True

    def __init__(self, config: SmallConfig, contract: ModelContract, calibration: Calibration) -> None:
        super().__init__()
        self.config, self.contract, self.calibration = config, contract, calibration
        self.frontend = Frontend(config.bands, config.lags, contract.sample_rate)
        self.encoder = ConvEncoder(config.bands, config.channels, config.dim, config.range_db, config.lags)
        has = (self.frontend.lookback, self.frontend.hop * self.encoder.stride)
        if (contract.lookback, contract.frame) != has:
            raise ValueError(f"lookback and frame are {has} samples, not {(contract.lookback, contract.frame)}")
        if contract.dimensions not in ((), DIMENSIONS):
            raise ValueError(f"dimensions are {DIMENSIONS} or none, not {contract.dimensions}")
        self.pooling = AttentivePooling(config.dim, config.queries, config.heads)
        width = self.pooling.width
        self.dropout = nn.Dropout(config.dropout)
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

    @classmethod
    def from_card(cls, config: dict[str, object], contract: ModelContract, calibration: Calibration) -> "SmallModel":
        """Build from a card's config; unknown fields are a TypeError."""
        known = {k: tuple(v) if isinstance(v, list) else v for k, v in config.items()}
        return cls(SmallConfig(**known), contract, calibration)  # type: ignore[arg-type]

    def card_config(self) -> dict[str, object]:
        return asdict(self.config)

    def encode(self, audio: Tensor, lengths: Tensor, owned: Tensor) -> Encoded:
        return self.encode_frames(self.frontend(audio), lengths // self.frontend.hop, owned)

    def encode_frames(self, frames: Tensor, lengths: Tensor, owned: Tensor) -> Encoded:
        """As `encode`, from the front end's frames (B, F, bands + lags); lengths (B,) and F in front-end frames.

        Training calls this with frames that were computed once.
        """
        full = bool((lengths == frames.shape[1]).all())
        present = None if full else frame_mask(torch.zeros_like(lengths), lengths, frames.shape[1])
        features = self.encoder(frames, present)
        mask = frame_mask(owned[:, 0], owned[:, 1], features.shape[1])
        # Autocast would pool in half precision whatever the inputs are; states are always float32.
        with torch.autocast(frames.device.type, enabled=False):
            state, scores = self.pooling.summarise(features.float(), mask)
        return Encoded(state, scores.flatten(2))

    def for_inference(self) -> Self:
        super().for_inference()
        fold_normalisation(self.encoder)
        return self

    def embed(self, state: PoolState) -> Tensor:
        assert isinstance(state, SoftmaxState)
        return self.pooling.read(state)

    def logits(self, state: PoolState, speakers: SpeakerProfiles | None = None) -> tuple[Tensor, Tensor]:
        return self.decide(self.embed(state), speakers)

    def decide(self, embedding: Tensor, speakers: SpeakerProfiles | None) -> tuple[Tensor, Tensor]:
        """Label logits (B, L) and dimensions (B, D) of embeddings (B, K), each relative to its speaker's baseline."""
        x = self._standard(embedding)
        if speakers is not None and self.own is not None:
            trust = speakers.weight / (speakers.weight + PRIOR_WEIGHT)
            x = x - trust[:, None] * self.own * self._standard(speakers.mean)
        x = self.dropout(x)
        logits: Tensor = self.head(x)
        if self.ratings is None:
            return logits, logits[:, :0]
        return logits, torch.tanh(self.ratings(x))

    def _standard(self, embedding: Tensor) -> Tensor:
        return ((embedding - self.centre) / self.spread).clamp(-self.config.clip, self.config.clip)
