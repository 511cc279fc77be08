"""`small`: mel bands and periodicity, convolutions, attentive pooling, linear heads."""

from dataclasses import asdict
from typing import Self

import torch
from torch import Tensor

from ..contract import ModelContract
from ..model import Encoded, frame_mask
from ..pooling import AttentivePooling, summarise
from ..reading import Calibration
from ..relative import RelativeModel
from ..small_config import SmallConfig
from .encoder import ConvEncoder
from .frontend import Frontend
from .inference import fold_normalisation


class SmallModel(RelativeModel):
    """Windows of audio to label scores, and to arousal, valence and dominance."""

    architecture = "small"
    padding_is_exact = True

    def __init__(self, config: SmallConfig, contract: ModelContract, calibration: Calibration) -> None:
        super().__init__(contract, calibration)
        self.config = config
        self.frontend = Frontend(config.bands, config.lags, config.memory, config.range_db, contract.sample_rate)
        self.encoder = ConvEncoder(config.bands, config.lags, config.channels, config.dim, config.dilations)
        config.check(contract)
        self.add_heads(AttentivePooling(config.dim, config.queries, config.heads), config.dropout, config.clip)

    @classmethod
    def from_card(cls, config: dict[str, object], contract: ModelContract, calibration: Calibration) -> "SmallModel":
        """Build from a card's config; unknown fields are a TypeError."""
        return cls(SmallConfig.from_card(config), contract, calibration)

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
