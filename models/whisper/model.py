"""`whisper`: a pretrained ear. The lower layers of Whisper's encoder, attentive pooling, two heads that agree.

The encoder's weights are the user's own copy (`source.py`); the heads were trained here and ship with the package.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from ..contract import ModelContract
from ..errors import CardInvalid
from ..model import Encoded, StreamModel, frame_mask
from ..pool_state import PoolState, SoftmaxState
from ..pooling.softmax import VARIANCE_FLOOR, summarise
from ..reading import DIMENSIONS, Calibration
from ..speaker import PRIOR_WEIGHT, SpeakerProfiles
from .encoder import FRAME, Borrowed, EncoderShape, WhisperStates

PART = 64
"""Features of an attention head."""


@dataclass(frozen=True, kw_only=True)
class WhisperConfig:
    """Shape of the heads, and the encoder under them.

    encoder   fields of `EncoderShape`
    dim       width of the projected states
    queries   attention queries over them
    dropout   of the embedding; `input_dropout` of the states
    clip      bound of standardised states, and of an embedding's features, in standard deviations
    """

    encoder: dict[str, Any] = field(default_factory=dict)
    dim: int = 192
    queries: int = 2
    dropout: float = 0.3
    input_dropout: float = 0.1
    clip: float = 6.0

    def __post_init__(self) -> None:
        if self.dim % PART or self.queries < 1:
            raise CardInvalid(
                f"dim must be a multiple of {PART} and queries at least 1; got {self.dim}, {self.queries}"
            )


def _parts(features: Tensor) -> Tensor:
    """Features (B, T, K) as heads (B, T, K / 64, 64)."""
    return features.reshape(*features.shape[:2], -1, PART)


class WhisperModel(StreamModel):
    """Windows of audio to nine emotions, and to arousal, valence and dominance.

    One pooled state serves two heads: attention over projected states (the first `queries * dim / 64` heads), and
    attention that begins as a plain average over the upper state itself (the others). Their logits are averaged.
    """

    architecture = "whisper"

    def __init__(self, config: WhisperConfig, contract: ModelContract, calibration: Calibration) -> None:
        super().__init__()
        self.config, self.contract, self.calibration = config, contract, calibration
        shape = EncoderShape(**config.encoder)
        if (contract.lookback, contract.frame) != (WhisperStates.lookback, FRAME):
            raise CardInvalid(
                f"card {contract.id}: frame {contract.frame} and lookback {contract.lookback} samples, but the encoder "
                f"has {FRAME} and {WhisperStates.lookback}"
            )
        if contract.dimensions not in ((), DIMENSIONS):
            raise CardInvalid(f"card {contract.id}: dimensions are {DIMENSIONS} or none, not {contract.dimensions}")
        if shape.dim % PART:
            raise CardInvalid(f"card {contract.id}: the encoder's width must be a multiple of {PART}")
        self.encoder = Borrowed(WhisperStates(shape))
        states, width, labels = len(shape.states), shape.dim, len(contract.labels)
        self.register_buffer("mean", torch.zeros(states, width))
        self.register_buffer("deviation", torch.ones(states, width))
        self.mean: Tensor
        self.deviation: Tensor
        self.input_dropout, self.dropout = nn.Dropout(config.input_dropout), nn.Dropout(config.dropout)
        self.project = nn.Linear(width, config.dim)
        self.project_norm = nn.LayerNorm(config.dim)
        self.attended = config.queries * config.dim // PART
        self.averaged = width // PART
        self.attention = nn.Linear(config.dim, self.attended)
        self.average_attention = nn.Linear(width, self.averaged)
        nn.init.zeros_(self.average_attention.weight)
        nn.init.zeros_(self.average_attention.bias)
        self.split = 2 * self.attended * PART
        self.width = self.split + 2 * self.averaged * PART
        self.pooled_norm = nn.LayerNorm(self.split)
        self.head = nn.Linear(self.split, labels)
        self.plain_head = nn.Linear(self.width - self.split, labels)
        count = len(contract.dimensions)
        self.ratings = nn.Linear(self.split, count) if count else None
        self.plain_ratings = nn.Linear(self.width - self.split, count) if count else None
        # How much of each feature belongs to the voice: what of its baseline is subtracted.
        self.own = nn.Parameter(torch.full((self.width,), 0.5)) if contract.baseline else None
        # Mean and deviation of embeddings over the training voices: what a voice of which nothing is known is.
        self.register_buffer("centre", torch.zeros(self.width))
        self.register_buffer("spread", torch.ones(self.width))
        self.centre: Tensor
        self.spread: Tensor

    @classmethod
    def from_card(cls, config: dict[str, Any], contract: ModelContract, calibration: Calibration) -> "WhisperModel":
        """Build from a card's config, with the user's copy of the encoder; NotCached says how to get one."""
        model = cls(WhisperConfig(**config), contract, calibration)
        if torch.get_default_device().type != "meta":
            from .source import load_encoder

            inner = model.encoder.inner
            assert isinstance(inner, WhisperStates)
            load_encoder(inner)
        return model

    def card_config(self) -> dict[str, Any]:
        return asdict(self.config)

    def encode(self, audio: Tensor, lengths: Tensor, owned: Tensor) -> Encoded:
        return self.encode_states(self.encoder(audio, lengths), owned)

    def encode_states(self, states: Tensor, owned: Tensor) -> Encoded:
        """As `encode`, from hidden states (B, T, S, dim). Training enters here, with states made once."""
        mask = frame_mask(owned[:, 0], owned[:, 1], states.shape[1])
        # Autocast would pool in half precision whatever the inputs are; pool states are always float32.
        with torch.autocast(states.device.type, enabled=False):
            features, scores = self.features(states.float())
            state = summarise(scores[:, :, None], features, mask)
        return Encoded(state, scores)

    def features(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """Features (B, T, H, 64) and attention scores (B, T, H) of hidden states (B, T, S, dim)."""
        clip = self.config.clip
        standard = ((states - self.mean) / self.deviation).clamp(-clip, clip)
        upper = standard[:, :, -1]
        joined = self.input_dropout(standard.mean(2) * len(self.mean) ** 0.5)
        projected = self.project_norm(nn.functional.gelu(self.project(joined)))
        parts = _parts(projected).repeat(1, 1, self.config.queries, 1)
        features = torch.cat([parts, _parts(upper)], 2)
        scores = torch.cat([self.attention(projected), self.average_attention(upper)], 2)
        return features, scores

    def embed(self, state: PoolState) -> Tensor:
        """Means and standard deviations of the attended heads, then those of the averaged heads: (B, width)."""
        assert isinstance(state, SoftmaxState)
        deviation = state.variance.clamp_min(VARIANCE_FLOOR).sqrt() * (state.mass > 0)[..., None]
        mean, deviation = state.mean[:, 0], deviation[:, 0]
        first, rest = slice(None, self.attended), slice(self.attended, None)
        parts = [x[:, place].flatten(1) for place in (first, rest) for x in (mean, deviation)]
        return torch.cat(parts, 1)

    def logits(self, state: PoolState, voices: SpeakerProfiles | None = None) -> tuple[Tensor, Tensor]:
        return self.decide(self.embed(state), voices)

    def decide(self, embedding: Tensor, voices: SpeakerProfiles | None) -> tuple[Tensor, Tensor]:
        """Label logits (B, L) and dimensions (B, D) of embeddings (B, K), heard as these voices' own."""
        (logits, plain), (ratings, plain_ratings) = self.judge(embedding, voices)
        return (logits + plain) / 2, (ratings + plain_ratings) / 2

    def judge(
        self, embedding: Tensor, voices: SpeakerProfiles | None
    ) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """What each of the two heads says: label logits (B, L) twice, then dimensions (B, D) twice."""
        x = self._standard(embedding)
        if voices is not None and self.own is not None:
            trust = voices.weight / (voices.weight + PRIOR_WEIGHT)
            x = x - trust[:, None] * self.own * self._standard(voices.mean)
        attended = self.dropout(self.pooled_norm(x[:, : self.split]))
        averaged = self.dropout(x[:, self.split :])
        logits, plain = self.head(attended), self.plain_head(averaged)
        if self.ratings is None or self.plain_ratings is None:
            return (logits, plain), (logits[:, :0], plain[:, :0])
        return (logits, plain), (torch.tanh(self.ratings(attended)), torch.tanh(self.plain_ratings(averaged)))

    def _standard(self, embedding: Tensor) -> Tensor:
        clip = self.config.clip
        return ((embedding - self.centre) / self.spread).clamp(-clip, clip)
