"""`small`: mel bands and periodicity, convolutions, attentive pooling, linear heads."""

from dataclasses import asdict, dataclass
from typing import Self

import torch
from torch import Tensor

from ..contract import ModelContract
from ..model import Encoded, frame_mask
from ..pooling import AttentivePooling, summarise
from ..reach import check_reach
from ..reading import Calibration
from ..relative import RelativeModel
from .encoder import ConvEncoder
from .frontend import Frontend
from .inference import fold_normalisation


@dataclass(frozen=True, kw_only=True)
class SmallConfig:
    """Shape of `small`. Window, hop and frame are in the contract.

    bands     mel bands
    channels  of the stem and of the three residual blocks over mel bands
    dim       width of a feature frame
    dilations of the residual layers over time, in feature frames
    memory    front-end frames over which the loudest is sought, from which the mel bands are measured
    range_db  dynamic range of the mel bands: what is further below the loudest is clamped
    lags      periods at which periodicity is measured; 0 for mel bands alone
    clip      bound of the features of embeddings and baselines, in standard deviations over the training speakers
    """

    bands: int = 64
    channels: tuple[int, int, int, int] = (16, 32, 64, 128)
    dim: int = 256
    dilations: tuple[int, ...] = (1, 1, 1)
    queries: int = 2
    heads: int = 2
    dropout: float = 0.2
    memory: int = 100
    range_db: float = 60.0
    lags: int = 48
    clip: float = 4.0


class SmallModel(RelativeModel):
    """Windows of audio to label scores, and to arousal, valence and dominance."""

    architecture = "small"
    padding_is_exact = True
    pools_parts = True

    def __init__(self, config: SmallConfig, contract: ModelContract, calibration: Calibration) -> None:
        super().__init__(contract, calibration)
        self.config = config
        self.frontend = Frontend(config.bands, config.lags, config.memory, config.range_db, contract.sample_rate)
        self.encoder = ConvEncoder(config.bands, config.lags, config.channels, config.dim, config.dilations)
        has = (self.frontend.lookback, self.frontend.hop * self.encoder.stride)
        if (contract.lookback, contract.frame) != has:
            raise ValueError(f"lookback and frame are {has} samples, not {(contract.lookback, contract.frame)}")
        check_reach(contract, config.dilations)
        self.add_heads(AttentivePooling(config.dim, config.queries, config.heads), config.dropout, config.clip)

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
        # Autocast would pool in half precision whatever the inputs are; states are always float32.
        with torch.autocast(frames.device.type, enabled=False):
            return self._pooled(features.float(), owned)

    def _pooled(self, features: Tensor, owned: Tensor) -> Encoded:
        """The pooled parts `owned` (B, 2) or (B, S, 2) of features (B, T, dim)."""
        if owned.ndim == 2:
            state, scores = self.pooling.summarise(features, frame_mask(owned[:, 0], owned[:, 1], features.shape[1]))
            return Encoded(state, scores.flatten(2))
        batch, count = owned.shape[:2]
        scores = self.pooling.scores(features)
        split = features.reshape(*features.shape[:2], self.pooling.heads, self.pooling.part)
        each = owned.flatten(0, 1)
        state = summarise(
            scores.repeat_interleave(count, 0),
            split.repeat_interleave(count, 0),
            frame_mask(each[:, 0], each[:, 1], features.shape[1]),
        )
        return Encoded(state.map(lambda array: array.reshape(batch, count, *array.shape[1:])), scores.flatten(2))

    def for_inference(self) -> Self:
        super().for_inference()
        fold_normalisation(self.encoder)
        return self
