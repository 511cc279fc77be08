"""`small`: the model that ships inside. Log-mel bands, a convolutional encoder, attentive pooling, a linear head."""

from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from .contract import ModelContract
from .encoder import ConvEncoder
from .frontend import LogMel
from .model import Encoded, StreamModel, frame_mask
from .pool_state import PoolState, SoftmaxState
from .pooling import AttentivePooling
from .reading import CIRCUMPLEX, DIMENSIONS, Calibration


@dataclass(frozen=True, kw_only=True)
class SmallConfig:
    """Shape of `small`. Durations in front-end frames of 10 ms stand in the contract, in samples."""

    bands: int = 64
    channels: tuple[int, int, int, int] = (24, 48, 96, 128)
    dim: int = 192
    queries: int = 2
    heads: int = 2
    dropout: float = 0.3
    range_db: float = 60.0


class SmallModel(StreamModel):
    """Windows of log-mel bands to nine emotions; arousal, valence and dominance are derived from their scores."""

    architecture = "small"

    def __init__(self, config: SmallConfig, contract: ModelContract, calibration: Calibration) -> None:
        super().__init__()
        self.config, self.contract, self.calibration = config, contract, calibration
        self.frontend = LogMel(config.bands, contract.sample_rate)
        self.encoder = ConvEncoder(config.bands, config.channels, config.dim, config.range_db)
        hears = (self.frontend.lookback, self.frontend.hop * self.encoder.stride)
        if (contract.lookback, contract.frame) != hears:
            raise ValueError(f"lookback and frame are {hears} samples, not {(contract.lookback, contract.frame)}")
        if contract.dimensions not in ((), DIMENSIONS):
            raise ValueError(f"dimensions are {DIMENSIONS} or none, not {contract.dimensions}")
        self.pooling = AttentivePooling(config.dim, config.queries, config.heads)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(self.pooling.width, len(contract.labels))
        places = torch.tensor([CIRCUMPLEX[label] for label in contract.labels])
        self.register_buffer("places", places, persistent=False)
        self.places: Tensor

    @classmethod
    def from_card(cls, config: dict[str, object], contract: ModelContract, calibration: Calibration) -> "SmallModel":
        """Build from a card's config; unknown fields are a TypeError."""
        known = {k: tuple(v) if isinstance(v, list) else v for k, v in config.items()}
        return cls(SmallConfig(**known), contract, calibration)  # type: ignore[arg-type]

    def card_config(self) -> dict[str, object]:
        return asdict(self.config)

    def encode(self, audio: Tensor, lengths: Tensor, owned: Tensor) -> Encoded:
        mel = self.frontend(audio)
        return self.encode_mel(mel, lengths // self.frontend.hop, owned)

    def encode_mel(self, mel_db: Tensor, lengths: Tensor, owned: Tensor) -> Encoded:
        """As `encode`, from mel powers in dB (B, F, bands); lengths (B,) and F in front-end frames.

        Training enters here, with mel powers made once.
        """
        frames = mel_db.shape[1]
        heard = frame_mask(torch.zeros_like(lengths), lengths, frames)
        features = self.encoder(mel_db, heard)
        mask = frame_mask(owned[:, 0], owned[:, 1], features.shape[1])
        # Autocast would pool in half precision whatever the inputs are; states are always float32.
        with torch.autocast(mel_db.device.type, enabled=False):
            state, scores = self.pooling.summarise(features.float(), mask)
        stride = self.encoder.stride
        count = frame_mask(owned[:, 0] * stride, owned[:, 1] * stride, frames)[:, :, None]
        profile = (mel_db * count).sum(1) / count.sum(1).clamp_min(1)
        return Encoded(state, scores.flatten(2), profile)

    def logits(self, state: PoolState) -> tuple[Tensor, Tensor]:
        assert isinstance(state, SoftmaxState)
        logits: Tensor = self.head(self.dropout(self.pooling.read(state)))
        places = self.places if self.contract.dimensions else self.places[:, :0]
        return logits, torch.softmax(logits.float(), -1) @ places
