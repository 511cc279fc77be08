"""`whisper`: the lower layers of Whisper-base, which stay as they are, under a head that is trained here."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import torch
from torch import Tensor, nn

from ..contract import ModelContract
from ..errors import UsageError
from ..model import Encoded, frame_mask
from ..reading import Calibration
from ..relative import RelativeModel
from .checkpoint import Weights, load_encoder
from .encoder import DIM, PAIR, STATES, LowerWhisper
from .members import MembersLinear, MembersPooling


@dataclass(frozen=True, kw_only=True)
class WhisperConfig:
    """Shape of the head. Window and hop are in the contract.

    members  heads of this shape, whose mean is the answer; each was trained by itself
    encoder  SHA-256 of each of the encoder's tensors as float16: the head fits no other encoder
    clamp    bound of the encoder's states, in standard deviations over the training speech
    clip     bound of the features of embeddings and baselines, in standard deviations over the training speakers
    """

    members: int = 3
    width: int = 192
    queries: int = 2
    heads: int = 2
    input_dropout: float = 0.1
    dropout: float = 0.3
    clamp: float = 6.0
    clip: float = 4.0
    encoder: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """TypeError or ValueError for what a card must not say."""
        if not isinstance(self.encoder, dict) or not all(isinstance(text, str) for text in self.encoder.values()):
            raise TypeError("encoder must give the digest of each tensor by name")
        if self.members < 1:
            raise ValueError(f"members must be at least 1, not {self.members}")
        if not (self.clamp > 0 and self.clip > 0 and 0 <= self.dropout < 1 and 0 <= self.input_dropout < 1):
            raise ValueError("clamp and clip must be positive, and dropouts from 0 to 1")


class WhisperModel(RelativeModel):
    """Windows of audio to label scores, and to arousal, valence and dominance.

    The encoder's weights are no part of the module's own: they are the user's copy, and `load_external` finds them.
    """

    architecture = "whisper"
    padding_is_exact = True

    def __init__(self, config: WhisperConfig, contract: ModelContract, calibration: Calibration) -> None:
        super().__init__(contract, calibration)
        self.config = config
        has = (LowerWhisper.lookback, LowerWhisper.frame * PAIR)
        if (contract.lookback, contract.frame) != has:
            raise ValueError(f"lookback and frame are {has} samples, not {(contract.lookback, contract.frame)}")
        # Mean and standard deviation of each channel of both states over the training speech.
        self.register_buffer("mean", torch.zeros(len(STATES), DIM))
        self.register_buffer("deviation", torch.ones(len(STATES), DIM))
        self.mean: Tensor
        self.deviation: Tensor
        self.input_dropout = nn.Dropout(config.input_dropout)
        self.inputs = nn.ModuleList(nn.Linear(DIM, config.width) for _ in range(config.members))
        self.norms = nn.ModuleList(nn.LayerNorm(config.width) for _ in range(config.members))
        self.hidden_dropout = nn.Dropout(config.dropout)
        pooling = MembersPooling(config.width, config.members, config.queries, config.heads)
        self.add_heads(pooling, dropout=config.dropout, clip=config.clip)
        self.head = MembersLinear(config.members, pooling.width, len(contract.labels))
        if contract.dimensions:
            self.ratings = MembersLinear(config.members, pooling.width, len(contract.dimensions))
        self._encoder: list[LowerWhisper] = []  # in a list, so that torch does not take it for a part of this module

    @classmethod
    def from_card(cls, config: dict[str, Any], contract: ModelContract, calibration: Calibration) -> "WhisperModel":
        """Build from a card's config; unknown fields are a TypeError."""
        return cls(WhisperConfig(**config), contract, calibration)

    def card_config(self) -> dict[str, object]:
        return asdict(self.config)

    @property
    def encoder(self) -> LowerWhisper:
        """The encoder; UsageError before `load_external` or `attach`."""
        if not self._encoder:
            raise UsageError(f"{self.contract.id} has no encoder yet; load_model brings it")
        return self._encoder[0]

    def attach(self, weights: Weights) -> None:
        """Take the encoder's tensors, whatever their precision, and compute with them in float32."""
        with torch.device("cpu"):
            encoder = LowerWhisper.of(weights)
        self._encoder = [encoder.to(self.mean.device)]

    def load_external(self) -> Self:
        self.attach(load_encoder(self.config.encoder))
        return self

    @property
    def parameter_count(self) -> int:
        return super().parameter_count + sum(p.numel() for part in self._encoder for p in part.parameters())

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        for part in self._encoder:
            part._apply(fn, recurse)  # type: ignore[no-untyped-call]
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self

    def encode(self, audio: Tensor, lengths: Tensor, owned: Tensor) -> Encoded:
        return self.pool_states(self.standardise(self.encoder.states(audio, lengths)), owned)

    def standardise(self, states: Tensor) -> Tensor:
        """The encoder's states (B, T, 2, 512) as one (B, T, 512) with about unit variance."""
        standard = (states.float() - self.mean) / self.deviation
        bounded = standard.clamp(-self.config.clamp, self.config.clamp)
        scaled: Tensor = bounded.mean(2) * len(STATES) ** 0.5
        return scaled

    def pool_states(self, states: Tensor, owned: Tensor) -> Encoded:
        """Pool standardised states (B, T, 512) over the frames owned[:, 0] to owned[:, 1] (B, 2)."""
        mask = frame_mask(owned[:, 0], owned[:, 1], states.shape[1])
        members = zip(self.inputs, self.norms, strict=True)
        hidden = [norm(nn.functional.gelu(layer(self.input_dropout(states)))) for layer, norm in members]
        # Autocast would pool in half precision whatever the inputs are; pooled states are always float32.
        with torch.autocast(states.device.type, enabled=False):
            state, scores = self.pooling.summarise(self.hidden_dropout(torch.cat(hidden, 2)).float(), mask)
        return Encoded(state, scores.flatten(2))
