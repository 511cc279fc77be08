"""`segmental`: wav2vec 2.0, classified segment by segment; the most confident segment decides for the utterance.

Porjazovski, Grosz and Kurimo (2024), "Improved spoken emotion recognition with combined segment-based processing
and triplet loss". Section 3.1: segments; 3.2: the losses, which are in training.
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ..contract import ModelContract
from ..encoders import SpeechConfig, speech_encoder
from ..encoders.speech import Phase
from ..errors import CardInvalid
from ..pool_state import PoolState
from ..pooling import AveragePooling, BestSegmentPooling, Pooling
from ..reading import Calibration
from ..speaker import SpeakerProfiles
from .base import SpeechSystem, check_contract

# RAVDESS with calm counted as neutral (section 2).
LABELS = ("neutral", "happy", "sad", "angry", "fearful", "disgust", "surprised")


@dataclass(frozen=True, kw_only=True)
class SegmentalConfig:
    """Every choice that the paper compares.

    speech     fields of `SpeechConfig`
    segments   classify segments (rows "seg" of table 1); false is the baseline: the mean over all frames
    segment    length in encoder frames, stride between two starts (section 4: 80/40, 140/70, 120/60)
    keep_rest  a last segment that ends with the utterance (the paper does not say). For `forward` alone: the stream's
               closing window always reaches the end
    triplet    the triplet loss on "segments" (S), on the whole "utterance" (W), or "none"
    alpha      weight of the triplet loss, equation 4; None is the plain sum, equation 1
    margin     of the triplet loss, equation 2
    """

    speech: dict[str, Any]
    segments: bool = True
    segment: int = 80
    stride: int = 40
    keep_rest: bool = True
    triplet: Literal["none", "segments", "utterance"] = "utterance"
    alpha: float | None = 0.2
    margin: float = 1.0

    def __post_init__(self) -> None:
        if self.triplet not in ("none", "segments", "utterance"):
            raise CardInvalid(f"triplet must be 'none', 'segments' or 'utterance'; got {self.triplet!r}")
        if self.triplet == "segments" and not self.segments:
            raise CardInvalid("triplet='segments' needs segments=True")
        if self.alpha is not None and not 0 <= self.alpha <= 1:
            raise CardInvalid(f"alpha must lie between 0 and 1, or be null for the plain sum; got {self.alpha}")


@dataclass(frozen=True)
class SegmentOutputs:
    """What the loss of one batch needs: embeddings before the classifier, and logits after it.

    whole     (B, K)     mean over all frames; whole_logits (B, L)
    segments  (B, S, K)  mean over each segment; segment_logits (B, S, L); exists (B, S). S is 0 without segments
    """

    whole: Tensor
    whole_logits: Tensor
    segments: Tensor
    segment_logits: Tensor
    exists: Tensor


def outputs_of(hidden: Tensor, mask: Tensor, pooling: Pooling[Any], head: nn.Linear) -> SegmentOutputs:
    """The outputs for hidden states (B, T, K) where mask (B, T) is true; segments only where `pooling` cuts them."""
    whole = AveragePooling(hidden.shape[2])(hidden, mask)
    if isinstance(pooling, BestSegmentPooling):
        segments, exists = pooling.segments(hidden, mask)
    else:
        segments = whole.new_zeros(len(whole), 0, whole.shape[1])
        exists = torch.zeros(len(whole), 0, dtype=torch.bool, device=whole.device)
    return SegmentOutputs(whole, classify(whole, head), segments, classify(segments, head), exists)


def classify(means: Tensor, head: nn.Linear) -> Tensor:
    """Logits (..., L) of means (..., K), which are float32 always; the head may be in half precision."""
    logits: Tensor = head(means.to(head.weight.dtype))
    return logits


class SegmentalModel(SpeechSystem):
    """Windows of one segment's length, each classified as a whole, to seven emotions.

    In the stream a grid window is a segment, encoded from its own audio; `forward` cuts the segments from the
    encoder's output over the whole utterance, as the paper does. The two differ in what the encoder sees around a
    segment: with a trained encoder they were as often right, and gave another label in about one utterance of six (the
    card has the figures). An utterance shorter than a segment stays whole in both.
    """

    architecture = "segmental"

    def __init__(self, config: SegmentalConfig, contract: ModelContract, calibration: Calibration) -> None:
        super().__init__()
        self.config, self.contract, self.calibration = config, contract, calibration
        self.speech = speech_encoder(SpeechConfig(**config.speech))
        check_contract(contract, self.speech)
        self.head = nn.Linear(self.speech.dim, len(contract.labels))
        self.pooling: Pooling[Any] = AveragePooling(self.speech.dim)
        if config.segments:
            self.pooling = BestSegmentPooling(self.head, config.segment, config.stride, config.keep_rest)

    @classmethod
    def from_card(cls, config: dict[str, Any], contract: ModelContract, calibration: Calibration) -> "SegmentalModel":
        """Build from a card's config; unknown fields are a TypeError."""
        return cls(SegmentalConfig(**config), contract, calibration)

    def card_config(self) -> dict[str, Any]:
        return asdict(self.config)

    def pooled_frames(self, mask: Tensor, owned: Tensor) -> Tensor:
        """As in `SpeechSystem`, but a segment is classified as a whole: all its frames, where it owns any."""
        if not self.config.segments:
            return super().pooled_frames(mask, owned)
        return mask & (owned[:, 1] > owned[:, 0])[:, None]

    def forward(self, audio: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Label logits (B, L) of whole utterances audio (B, N), lengths (B,): those of the best segment."""
        return classify(self.pooling(*self.encode_utterances(audio, lengths)), self.head)

    def segment_outputs(self, audio: Tensor, lengths: Tensor | None = None) -> SegmentOutputs:
        """What the losses of equations 1 to 4 are computed from, for training. As `forward`."""
        return outputs_of(*self.encode_utterances(audio, lengths), self.pooling, self.head)

    def logits(self, state: PoolState, speakers: SpeakerProfiles | None = None) -> tuple[Tensor, Tensor]:
        logits = classify(self.pooling.read(state), self.head)
        return logits, logits.new_zeros(len(logits), 0)

    def set_phase(self, phase: Phase, upper: int = 4) -> None:
        """Section 4: "transformer", the convolutional encoder stays frozen."""
        self.speech.set_phase(phase, upper)
