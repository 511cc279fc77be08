"""`attentive`: W2V-BERT 2.0 and DeBERTa v3, each pooled by attention, concatenated, classified by an MLP.

Leygue et al. (2025), "Explainable speech emotion recognition through attentive pooling: insights from
attention-based temporal localization", Interspeech. Section 2.1.1: encoders; 2.1.2: fusion; 2.2: poolings.
"""

from collections.abc import Sequence
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
from ..pooling import Pooling, make_pooling
from ..reading import Calibration
from ..speaker import SpeakerProfiles
from ..text_model import TextModel
from ..windows import Window
from .base import SpeechSystem, check_contract

# MSP-Podcast's eight classes, in the words of `small` where it has one.
LABELS = ("angry", "sad", "happy", "surprised", "fearful", "disgust", "contempt", "neutral")


@dataclass(frozen=True, kw_only=True)
class AttentiveConfig:
    """Every choice that the paper compares, and the few that it leaves open.

    speech, text   fields of `SpeechConfig` and `TextConfig`: section 2.1.1
    pooling        a row of table 2 (`POOLINGS`), the same for both modalities; the best on the development set
    modalities     table 1: both, or one alone
    hidden         width of the MLP's hidden layer (section 2.1.2 gives no size)
    dropout        before and within the MLP (not given)
    text_dropout   how often, in training, a clip's text is taken away. 0 as published; above 0 the model learns to
                   answer from the voice alone, as it must while there is no transcript yet (models/README.md)
    """

    speech: dict[str, Any]
    text: dict[str, Any]
    pooling: str = "MQMHA-2x2"
    modalities: Literal["both", "audio", "text"] = "both"
    hidden: int = 256
    dropout: float = 0.1
    text_dropout: float = 0.0

    def __post_init__(self) -> None:
        if self.modalities not in ("both", "audio", "text"):
            raise CardInvalid(f"modalities must be 'both', 'audio' or 'text'; got {self.modalities!r}")


def classifier(width: int, config: AttentiveConfig, labels: int) -> nn.Sequential:
    """The MLP from pooled vectors (B, width) to label logits (B, labels): section 2.1.2."""
    return nn.Sequential(
        nn.Dropout(config.dropout),
        nn.Linear(width, config.hidden),
        nn.ReLU(),
        nn.Dropout(config.dropout),
        nn.Linear(config.hidden, labels),
    )


class AttentiveModel(TextModel, SpeechSystem):
    """Voice and words to eight emotions; one pooling a modality, one classifier over both.

    Missing text (no transcript yet, an empty one, `tokens=None`) counts as a pooled text vector of zeros, which is
    what the pooling of no token reads as. So a stream has readings before there is a transcript, and they equal those
    of `forward` for an empty one.
    """

    architecture = "attentive"

    def __init__(self, config: AttentiveConfig, contract: ModelContract, calibration: Calibration) -> None:
        super().__init__()
        self.config, self.contract, self.calibration = config, contract, calibration
        self.has_speech, self.has_text = config.modalities != "text", config.modalities != "audio"
        width = 0
        if self.has_speech:
            self.speech: SpeechEncoder = speech_encoder(SpeechConfig(**config.speech))
            check_contract(contract, self.speech)
            self.pooling: Pooling[Any] = make_pooling(config.pooling, self.speech.dim)
            width += self.pooling.width
        if self.has_text:
            self.text: TextEncoder = text_encoder(TextConfig(**config.text))
            self.text_pooling = make_pooling(config.pooling, self.text.dim)
            width += self.text_pooling.width
        self.classifier = classifier(width, config, len(contract.labels))

    @classmethod
    def from_card(cls, config: dict[str, Any], contract: ModelContract, calibration: Calibration) -> "AttentiveModel":
        """Build from a card's config; unknown fields are a TypeError."""
        return cls(AttentiveConfig(**config), contract, calibration)

    def card_config(self) -> dict[str, Any]:
        return asdict(self.config)

    def forward(
        self, audio: Tensor | None = None, tokens: Tokens | None = None, lengths: Tensor | None = None
    ) -> Tensor:
        """Label logits (B, L) of whole utterances, as in the paper.

        audio    (B, N)  samples in [-1, 1] at 16 kHz; lengths (B,) samples that count, all by default
        tokens   of their transcripts; None where there is none
        """
        voice = None
        if self.has_speech:
            if audio is None:
                raise UsageError("this `attentive` needs audio; one for text alone is built with modalities='text'")
            hidden, mask = self.encode_utterances(audio, lengths)
            voice = self.pooling(hidden, mask)
        return self._classify(voice, self.read_tokens(tokens))

    @property
    def text_encoders(self) -> list[TextEncoder]:
        """As in `TextModel`."""
        return [self.text] if self.has_text else []

    def read_tokens(self, tokens: Tokens | None) -> Tensor | None:
        """Pooled text (B, W) of tokens, zeros for an empty transcript; None without tokens or without a text branch."""
        if not self.has_text or tokens is None:
            return None
        pooled: Tensor = self.text_pooling(*self.text(tokens))
        if self.training and self.config.text_dropout:
            kept = torch.rand(len(pooled), 1, device=pooled.device) >= self.config.text_dropout
            pooled = pooled * kept
        return pooled

    def _classify(self, voice: Tensor | None, text: Tensor | None) -> Tensor:
        parts = [] if voice is None else [voice]
        if self.has_text and text is None:
            if voice is None:
                raise UsageError("a text-only `attentive` needs tokens: it has no speech encoder")
            text = voice.new_zeros(len(voice), self.text_pooling.width)
        if text is not None:
            parts.append(text)
        pooled = torch.cat(parts, 1)  # float32 always; the classifier may be in half precision
        logits: Tensor = self.classifier(pooled.to(next(self.classifier.parameters()).dtype))
        return logits

    def _require_speech(self) -> None:
        if not self.has_speech:
            raise UsageError(
                "this `attentive` was built with modalities='text' and has no speech encoder, so it cannot run on a "
                "stream; call it with tokens, or use one with modalities='both' or 'audio'"
            )

    def encode(self, audio: Tensor, lengths: Tensor, owned: Tensor) -> Encoded:
        """As in `StreamModel`; UsageError without a speech encoder."""
        self._require_speech()
        return super().encode(audio, lengths, owned)

    def encode_windows(self, audio: Tensor, windows: Sequence[Window]) -> list[PoolState]:
        """As in `StreamModel`; UsageError without a speech encoder."""
        self._require_speech()
        return super().encode_windows(audio, windows)

    def logits(
        self, state: PoolState, speakers: SpeakerProfiles | None = None, text: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """As in `StreamModel`; `text` (B, W) from `read_tokens`, zeros where it is None. No dimensions."""
        logits = self._classify(self.pooling.read(state), text)
        return logits, logits.new_zeros(len(logits), 0)

    def set_phase(self, phase: Phase, upper: int = 4) -> None:
        """One of the three phases of section 2.3, for both encoders: "head", "upper" layers, "all"."""
        if self.has_speech:
            self.speech.set_phase(phase, upper)
        if self.has_text:
            self.text.set_phase(phase, upper)
