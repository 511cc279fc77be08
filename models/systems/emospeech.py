"""`emospeech`: XLS-R and a Spanish XLM-R, their hidden states concatenated on time, pooled by one softmax over both.

Casals-Salvador, Costa, India and Hernando (2024), "BSC-UPC at EmoSPeech-IberLEF2024: attention pooling for emotion
recognition". Sections 3.1 and 3.2: encoders; 3.3: classifier; 4: reduced attention pooling. Where the paper is silent
the authors' code decides, to which section 5 points (github.com/marccasals98/BSC-UPC_EmoSPeech); `EmospeechConfig`
says where.
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ..contract import ModelContract
from ..encoders import SpeechConfig, SpeechEncoder, TextConfig, TextEncoder, Tokens, speech_encoder, text_encoder
from ..encoders.speech import Phase
from ..errors import CardInvalid
from ..model import Encoded
from ..pool_state import PoolState, SoftmaxState
from ..pooling import ReducedAttentionPooling
from ..reading import Calibration
from ..speaker import SpeakerProfiles
from ..text_model import TextModel
from .base import SpeechSystem, check_contract

# The six classes of Spanish MEACorpus 2023 (section 2), in the words of `small`.
LABELS = ("neutral", "disgust", "angry", "sad", "happy", "fearful")


@dataclass(frozen=True, kw_only=True)
class EmospeechConfig:
    """Every choice that the paper's tables compare, and the few that it leaves open.

    speech, text    fields of `SpeechConfig` and `TextConfig`, of one width: table 1. By the authors' code the speech
                    features are a learned sum of all layers, the text features the last layer. The paper normalises the
                    waveform by its training set's mean -33.62 and standard deviation 56.15, which fit no scale of
                    samples; the default is the checkpoint's own, "window". Another training set's statistics, of
                    samples in [-1, 1], are given as `speech={"normalise": (mean, std)}`
    modalities      "both"; "audio" has no text encoder
    hidden_layers   of the classifier, table 2: 2, 2 and 3 in the three best models
    hidden          their width (not given; 512 in the authors' code)
    dropout         after each linear layer of the classifier, section 5
    feature_norm    layer normalisation of each encoder's features before they share a softmax (not in the paper; in the
                    authors' code)
    text_dropout    how often, in training, a clip's text is taken away. 0 as published; above 0 the model learns to
                    answer from the voice alone, as it must while there is no transcript (models/README.md)
    """

    speech: dict[str, Any]
    text: dict[str, Any]
    modalities: Literal["both", "audio"] = "both"
    hidden_layers: int = 2
    hidden: int = 512
    dropout: float = 0.1
    feature_norm: bool = True
    text_dropout: float = 0.0

    def __post_init__(self) -> None:
        if self.modalities not in ("both", "audio"):
            raise CardInvalid(f"modalities must be 'both' or 'audio'; got {self.modalities!r}")
        if self.hidden_layers < 0 or self.hidden < 1:
            raise CardInvalid(
                f"hidden_layers must not be negative, and hidden be positive; got {self.hidden_layers}, {self.hidden}"
            )


def classifier(width: int, config: EmospeechConfig, labels: int) -> nn.Sequential:
    """Section 3.3: a layer from `width` features to the hidden width, the hidden layers, and one to the labels.

    Each linear layer but the last is followed by dropout, layer normalisation and GELU.
    """
    layers: list[nn.Module] = []
    for number in range(config.hidden_layers + 1):
        layers += [
            nn.Linear(config.hidden if number else width, config.hidden),
            nn.Dropout(config.dropout),
            nn.LayerNorm(config.hidden),
            nn.GELU(),
        ]
    return nn.Sequential(*layers, nn.Linear(config.hidden, labels))


class EmospeechModel(TextModel, SpeechSystem):
    """Voice and words to six emotions; one pooling over the frames and tokens of both, and one classifier.

    One softmax over all frames and tokens is the merge of two states, the voice's and the text's. Missing text (no
    transcript yet, an empty one, `tokens=None`) is the state of no token, which changes nothing: the softmax is over
    the frames of the voice alone. In the live stream an utterance begins without words, which training saw only where
    `text_dropout` was above 0.
    """

    architecture = "emospeech"
    pooling: ReducedAttentionPooling

    def __init__(self, config: EmospeechConfig, contract: ModelContract, calibration: Calibration) -> None:
        super().__init__()
        self.config, self.contract, self.calibration = config, contract, calibration
        self.has_text = config.modalities == "both"
        self.speech: SpeechEncoder = speech_encoder(SpeechConfig(**config.speech))
        check_contract(contract, self.speech)
        width = self.speech.dim
        self.pooling = ReducedAttentionPooling(width)
        self.speech_norm = self._feature_norm(width)
        if self.has_text:
            self.text: TextEncoder = text_encoder(TextConfig(**config.text))
            if self.text.dim != width:
                raise CardInvalid(
                    f"speech features of width {width} and text features of width {self.text.dim}: concatenated on "
                    "time they must have one width; choose encoders of the same size"
                )
            self.text_norm = self._feature_norm(width)
        self.classifier = classifier(width, config, len(contract.labels))

    def _feature_norm(self, width: int) -> nn.Module:
        return nn.LayerNorm(width) if self.config.feature_norm else nn.Identity()

    @classmethod
    def from_card(cls, config: dict[str, Any], contract: ModelContract, calibration: Calibration) -> "EmospeechModel":
        """Build from a card's config; unknown fields are a TypeError."""
        return cls(EmospeechConfig(**config), contract, calibration)

    def card_config(self) -> dict[str, Any]:
        return asdict(self.config)

    def forward(self, audio: Tensor, tokens: Tokens | None = None, lengths: Tensor | None = None) -> Tensor:
        """Label logits (B, L) of whole utterances, as in the paper.

        audio    (B, N)  samples in [-1, 1] at 16 kHz; lengths (B,) samples that count, all by default
        tokens   of their transcripts; None where there is none, or the model has no text encoder

        UsageError for an utterance shorter than a frame.
        """
        state = self.pool(*self.encode_utterances(audio, lengths)).state
        return self.logits(state, text=self.read_tokens(tokens))[0]

    def pool(self, hidden: Tensor, mask: Tensor) -> Encoded:
        """As in `SpeechSystem`, of the normalised features."""
        return super().pool(self.speech_norm(hidden), mask)

    @property
    def text_encoders(self) -> list[TextEncoder]:
        """As in `TextModel`."""
        return [self.text] if self.has_text else []

    def read_tokens(self, tokens: Tokens | None) -> SoftmaxState | None:
        """Pooled state of tokens, that of no token for an empty transcript; None without tokens or text encoder."""
        if not self.has_text or tokens is None:
            return None
        hidden, mask = self.text(tokens)
        if self.training and self.config.text_dropout:
            kept = torch.rand(len(mask), 1, device=mask.device) >= self.config.text_dropout
            mask = mask & kept
        state, _ = self.pooling.summarise(self.text_norm(hidden), mask)
        return state

    def logits(
        self, state: PoolState, speakers: SpeakerProfiles | None = None, text: SoftmaxState | None = None
    ) -> tuple[Tensor, Tensor]:
        """As in `StreamModel`; `text` from `read_tokens`, None where there is none. No dimensions."""
        assert isinstance(state, SoftmaxState)
        pooled = self.pooling.read(state if text is None else state.merge(text))
        logits: Tensor = self.classifier(pooled.to(next(self.classifier.parameters()).dtype))  # pooled is float32
        return logits, logits.new_zeros(len(logits), 0)

    def set_phase(self, phase: Phase, upper: int = 4) -> None:
        """What is trained of both encoders; by the authors' code nothing but the sum of layers: "head"."""
        self.speech.set_phase(phase, upper)
        if self.has_text:
            self.text.set_phase(phase, upper)
