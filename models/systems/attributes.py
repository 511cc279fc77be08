"""`attributes`: WavLM or Whisper and RoBERTa to arousal, valence and dominance, with gender as a second task.

Lertpetchpun, Feng, Byrd and Narayanan (2025), "Developing a high-performance framework for speech emotion recognition
in naturalistic conditions challenge for emotional attribute prediction", Interspeech. Section 2.1: encoders; 2.2: heads
and losses; 2.4, equation 2: range; 3.2: settings. Where the paper is silent the authors' code decides, to which section
1 points (github.com/tiantiaf0627/vox-profile-release); `AttributesConfig` says where.
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ..contract import ModelContract
from ..encoders import SpeechConfig, SpeechEncoder, TextConfig, TextEncoder, Tokens, speech_encoder, text_encoder
from ..encoders.speech import Phase
from ..errors import CardInvalid, UsageError
from ..model import Encoded
from ..pool_state import PoolState
from ..pooling import AveragePooling
from ..reading import DIMENSIONS, Calibration
from ..speaker import SpeakerProfiles
from ..text_model import TextModel
from .attentive import LABELS as LABELS  # MSP-Podcast's eight classes; the model has no opinion on them
from .base import SpeechSystem, check_contract

GENDERS = ("female", "male")
UNDECIDED = Calibration(unsure_below=0.5)  # above the even score of three labels or more


@dataclass(frozen=True, kw_only=True)
class AttributesConfig:
    """Every choice that the paper's tables compare, and the few that it leaves open.

    speech, text       fields of `SpeechConfig` and `TextConfig`. WavLM's features are a learned sum of all layers, and
                       it is fine-tuned; Whisper's are the last layer, `{"layer": "last"}`, and it stays frozen, as the
                       text encoder does (sections 2.1 and 3.2)
    modalities         "both" is the prefix MM of the paper; "audio" has no text encoder
    gender             a second head learns the speaker's gender (table 3, + G Pred)
    speakers           how many speakers a third head tells apart (+ S Pred), 0 for no such head
    speaker_embedding  width of a speaker embedding from a frozen extractor, given to `forward` (+ S Emb); 0 for none
    filters            of the pointwise convolutions, section 3.2; also the width of each head's hidden layer (not
                       given; so in the authors' code)
    convolutions       how many (not given; 3 in the authors' code, with ReLU and dropout between them)
    dropout            between them (not given; .1 in the authors' code)
    low, high          ends of the corpus's ratings: equation 2
    text_dropout       how often, in training, a clip's text is taken away. 0 as published; above 0 the model learns to
                       answer from the voice alone, as it must while there is no transcript (models/README.md)
    """

    speech: dict[str, Any]
    text: dict[str, Any]
    modalities: Literal["both", "audio"] = "both"
    gender: bool = True
    speakers: int = 0
    speaker_embedding: int = 0
    filters: int = 256
    convolutions: int = 3
    dropout: float = 0.1
    low: float = 1.0
    high: float = 7.0
    text_dropout: float = 0.0

    def __post_init__(self) -> None:
        if self.modalities not in ("both", "audio"):
            raise CardInvalid(f"modalities must be 'both' or 'audio'; got {self.modalities!r}")
        if self.filters < 1 or self.convolutions < 1 or min(self.speakers, self.speaker_embedding) < 0:
            raise CardInvalid(
                "filters and convolutions must be positive, speakers and speaker_embedding not negative; got "
                f"{self.filters}, {self.convolutions}, {self.speakers}, {self.speaker_embedding}"
            )
        if self.speakers and self.speaker_embedding:
            raise CardInvalid("speakers and speaker_embedding: a model that learns speakers is given no embedding")
        if not self.low < self.high:
            raise CardInvalid(f"low must lie below high; got {self.low} and {self.high}")


@dataclass(frozen=True)
class AttributeOutputs:
    """What training needs of a batch.

    attributes  (B, 3)        arousal, valence, dominance in the corpus's range
    gender      (B, 2)        logits of `GENDERS`; None without that head
    speakers    (B, speakers) cosine to each speaker's vector, for an additive angular margin; None without that head
    """

    attributes: Tensor
    gender: Tensor | None
    speakers: Tensor | None


def mlp(width: int, hidden: int, outputs: int) -> nn.Sequential:
    """The two-layer MLP of each head: section 2.2, with the authors' ReLU."""
    return nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, outputs))


def pointwise(width: int, config: AttributesConfig) -> nn.Sequential:
    """The convolutions over frames (B, K, T): section 2.1."""
    layers: list[nn.Module] = [nn.Conv1d(width, config.filters, 1)]
    for _ in range(config.convolutions - 1):
        layers += [nn.ReLU(), nn.Dropout(config.dropout), nn.Conv1d(config.filters, config.filters, 1)]
    return nn.Sequential(*layers)


def check_undecided(contract: ModelContract, calibration: Calibration) -> None:
    """Raise CardInvalid where a model of dimensions alone would seem to have an opinion on labels."""
    if contract.dimensions != DIMENSIONS or contract.derived:
        raise CardInvalid(
            f"card {contract.id}: its dimensions must be {', '.join(DIMENSIONS)} and not derived; got "
            f"{', '.join(contract.dimensions) or 'none'}{', derived' if contract.derived else ''}"
        )
    if len(contract.labels) * calibration.unsure_below <= 1:
        raise CardInvalid(
            f"card {contract.id}: this model scores {len(contract.labels)} labels alike, so unsure_below must lie "
            f"above {1 / len(contract.labels):.3f}, or its first label would seem to be its answer; got "
            f"{calibration.unsure_below}"
        )


class AttributesModel(TextModel, SpeechSystem):
    """Voice and words to arousal, valence and dominance; the average of the frames, and a head a dimension.

    The answer is the dimensions alone. A contract needs labels, and the model has no opinion on them: it scores all of
    them alike, and its calibration makes every label `unsure`; where a text branch reads along, a label is the words'
    alone. It does not place labels near the dimensions, as `derived` dimensions are placed by the labels: such scores
    would be no probabilities. `forward` answers in the corpus's range, [1, 7]; the stream in [-1, 1], linearly: a
    rating r is 2 (r - low) / (high - low) - 1.

    Gender and speaker are learned beside, and said nowhere. Missing text (no transcript yet, an empty one,
    `tokens=None`) is a text vector of zeros, the average of no token; a missing speaker embedding is zeros too, and in
    the live stream it is always missing.
    """

    architecture = "attributes"
    pooling: AveragePooling

    def __init__(self, config: AttributesConfig, contract: ModelContract, calibration: Calibration) -> None:
        super().__init__()
        self.config, self.contract, self.calibration = config, contract, calibration
        check_undecided(contract, calibration)
        self.has_text = config.modalities == "both"
        self.speech: SpeechEncoder = speech_encoder(SpeechConfig(**config.speech))
        check_contract(contract, self.speech)
        self.convolutions = pointwise(self.speech.dim, config)
        self.pooling = AveragePooling(config.filters)
        width = config.filters + config.speaker_embedding
        if self.has_text:
            self.text: TextEncoder = text_encoder(TextConfig(**config.text))
            self.text_pooling = AveragePooling(self.text.dim)
            width += self.text.dim
        self.heads = nn.ModuleList(mlp(width, config.filters, 1) for _ in DIMENSIONS)
        if config.gender:
            self.gender_head = mlp(width, config.filters, len(GENDERS))
        if config.speakers:
            self.speaker_head = mlp(width, config.filters, config.filters)
            self.speaker_vectors = nn.Parameter(torch.empty(config.speakers, config.filters))
            nn.init.xavier_uniform_(self.speaker_vectors)
        self.set_phase("all")

    @classmethod
    def from_card(cls, config: dict[str, Any], contract: ModelContract, calibration: Calibration) -> "AttributesModel":
        """Build from a card's config; unknown fields are a TypeError."""
        return cls(AttributesConfig(**config), contract, calibration)

    def card_config(self) -> dict[str, Any]:
        return asdict(self.config)

    def forward(
        self,
        audio: Tensor,
        tokens: Tokens | None = None,
        lengths: Tensor | None = None,
        embeddings: Tensor | None = None,
    ) -> Tensor:
        """Arousal, valence and dominance (B, 3) of whole utterances, from `low` to `high`, as in the paper.

        audio       (B, N)  samples in [-1, 1] at 16 kHz; lengths (B,) samples that count, all by default
        tokens      of their transcripts; None where there is none, or the model has no text encoder
        embeddings  (B, speaker_embedding) of their speakers; None where there is none

        UsageError for an utterance shorter than a frame, or embeddings of another width.
        """
        return self.outputs(audio, tokens, lengths, embeddings).attributes

    def outputs(
        self,
        audio: Tensor,
        tokens: Tokens | None = None,
        lengths: Tensor | None = None,
        embeddings: Tensor | None = None,
    ) -> AttributeOutputs:
        """The answers of every head, for training; arguments as in `forward`."""
        state = self.pool(*self.encode_utterances(audio, lengths)).state
        final = self._represent(state, self.read_tokens(tokens), embeddings)
        gender = self.gender_head(final) if self.config.gender else None
        speakers = None
        if self.config.speakers:
            normalize = nn.functional.normalize
            speakers = normalize(self.speaker_head(final), dim=1) @ normalize(self.speaker_vectors, dim=1).T
        return AttributeOutputs(self.to_ratings(self._shares(final)), gender, speakers)

    def to_ratings(self, shares: Tensor) -> Tensor:
        """Equation 2: shares in [0, 1], what the sigmoid gives, as ratings from `low` to `high`."""
        return shares * (self.config.high - self.config.low) + self.config.low

    def to_dimensions(self, ratings: Tensor) -> Tensor:
        """Ratings from `low` to `high` as the dimensions of a reading, -1 to 1."""
        return 2 * (ratings - self.config.low) / (self.config.high - self.config.low) - 1

    def pool(self, hidden: Tensor, mask: Tensor) -> Encoded:
        """As in `SpeechSystem`, of the convolved features."""
        return super().pool(self.convolutions(hidden.transpose(1, 2)).transpose(1, 2), mask)

    @property
    def text_encoders(self) -> list[TextEncoder]:
        """As in `TextModel`."""
        return [self.text] if self.has_text else []

    def read_tokens(self, tokens: Tokens | None) -> Tensor | None:
        """Average (B, K) of tokens, zeros for an empty transcript; None without tokens or without a text encoder."""
        if not self.has_text or tokens is None:
            return None
        pooled: Tensor = self.text_pooling(*self.text(tokens))
        if self.training and self.config.text_dropout:
            pooled = pooled * (torch.rand(len(pooled), 1, device=pooled.device) >= self.config.text_dropout)
        return pooled

    def _represent(self, state: PoolState, text: Tensor | None, embeddings: Tensor | None = None) -> Tensor:
        """The final representation (B, W): speech, text and speaker, concatenated (section 2.1)."""
        voice = self.pooling.read(state)  # type: ignore[arg-type]
        parts = [voice]
        if self.has_text:
            parts.append(voice.new_zeros(len(voice), self.text.dim) if text is None else text)
        if embeddings is not None and embeddings.shape[1] != self.config.speaker_embedding:
            raise UsageError(
                f"speaker embeddings of width {embeddings.shape[1]}; this model takes {self.config.speaker_embedding}"
            )
        if self.config.speaker_embedding:
            absent = voice.new_zeros(len(voice), self.config.speaker_embedding)
            parts.append(absent if embeddings is None else embeddings)
        return torch.cat(parts, 1).to(next(self.convolutions.parameters()).dtype)  # pooled is float32

    def _shares(self, final: Tensor) -> Tensor:
        return torch.sigmoid(torch.cat([head(final) for head in self.heads], 1).float())

    def logits(
        self, state: PoolState, speakers: SpeakerProfiles | None = None, text: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """As in `StreamModel`, label logits of zero; `text` (B, K) from `read_tokens`, zeros where it is None."""
        dimensions = self.to_dimensions(self.to_ratings(self._shares(self._represent(state, text))))
        return dimensions.new_zeros(len(dimensions), len(self.contract.labels)), dimensions

    def set_phase(self, phase: Phase, upper: int = 4) -> None:
        """What is trained of WavLM, by default "all"; Whisper and the text encoder stay frozen (section 3.2)."""
        self.speech.set_phase("head" if self.speech.config.family == "whisper" else phase, upper)
        if self.has_text:
            self.text.set_phase("head")
