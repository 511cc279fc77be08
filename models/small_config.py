"""The shape of `small`, and what it means for windows. Imports no torch: its graph is loaded without."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from .contract import ModelContract
from .stages import Stages

PITCH_CHANNELS = (12, 24, 32)  # of the layers over periodicity
ROW = 8  # mel bands, or lags, that are one row before the last block
HOP = 160  # samples between two frames of the front end
MEL_LENGTH, PITCH_LENGTH = 400, 640  # samples of which such a frame is made: its mel bands, its periodicity
STRIDE = 4  # frames of the front end for each feature frame
BEFORE, LAST_BLOCK = 16, 8
"""Front-end frames to each side that the layers before the last block see (2 the stem, 2 and 4 the first block over mel
bands, 8 the second; those over periodicity see fewer), and that the last block sees of those."""


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

    @property
    def lookback(self) -> int:
        """Samples before a window on which its first front-end frame depends."""
        mel = MEL_LENGTH - HOP + (self.memory - 1) * HOP
        return max(mel, PITCH_LENGTH - HOP) if self.lags else mel

    @property
    def frame(self) -> int:
        """Samples from one feature frame to the next."""
        return HOP * STRIDE

    @property
    def reach(self) -> int:
        """Samples to each side of a feature frame on which it depends, in whole feature frames."""
        return -(-encoder_reach(self.dilations) // STRIDE) * self.frame

    @property
    def mel_width(self) -> int:
        """Channels times rows of the mel bands before the last block."""
        return self.channels[2] * (self.bands // ROW)

    @property
    def stages(self) -> Stages:
        """The shape of its graph."""
        mel, pitch = MEL_LENGTH - HOP, PITCH_LENGTH - HOP if self.lags else 0
        return Stages(
            frame=self.frame,
            stride=STRIDE,
            lookback=self.lookback,
            memory=self.memory - 1,
            mel=mel,
            raw=max(mel, pitch),
            reaches=(BEFORE // STRIDE, LAST_BLOCK // STRIDE, sum(self.dilations)),
            channels=(self.bands + self.lags, self.mel_width + PITCH_CHANNELS[-1] * -(-self.lags // ROW), self.dim),
        )

    @classmethod
    def from_card(cls, config: Mapping[str, Any]) -> Self:
        """Of a card's config; unknown fields are a TypeError."""
        known: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in config.items()}
        return cls(**known)

    def check(self, contract: ModelContract) -> None:
        """ValueError where the contract promises what a model of this shape does not keep."""
        has, promised = (self.lookback, self.frame), (contract.lookback, contract.frame)
        if promised != has:
            raise ValueError(f"lookback and frame are {has} samples, not {promised}")
        if 0 < contract.reach < self.reach:
            raise ValueError(f"a frame reaches {self.reach} samples to each side, not {contract.reach}")


def encoder_reach(dilations: Sequence[int]) -> int:
    """Frames of the front end to each side of a feature on which it depends, as the layers over time see `STRIDE` for
    each feature frame."""
    return BEFORE + LAST_BLOCK + STRIDE * sum(dilations)
