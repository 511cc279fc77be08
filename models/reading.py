"""Readings: calibrated scores, and the decision for a label or for `unsure`."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .speaker import SpeakerSample

UNSURE = "unsure"
CALM_LIKE = ("neutral", "calm", "bored")
"""Labels that claim no emotion: of speech without played emotion, any of them is right."""

# Arousal, valence and dominance of each label, in [-1, 1]: coarse positions on the circumplex of Russell (1980), chosen
# by hand and not measured on a corpus. Dimensions that come from them are marked as derived.
CIRCUMPLEX: dict[str, tuple[float, float, float]] = {
    "angry": (0.6, -0.5, 0.3),
    "bored": (-0.6, -0.6, -0.3),
    "calm": (-0.5, 0.4, 0.2),
    "disgust": (0.35, -0.6, 0.1),
    "fearful": (0.6, -0.6, -0.4),
    "happy": (0.5, 0.8, 0.4),
    "neutral": (0.0, 0.0, 0.0),
    "sad": (-0.3, -0.6, -0.3),
    "surprised": (0.7, 0.4, -0.1),
}
DIMENSIONS = ("arousal", "valence", "dominance")


@dataclass(frozen=True)
class Reading:
    """The answer for one pooled state.

    label        the likeliest label, or `unsure`
    confidence   the probability of the likeliest label, also where the answer is `unsure`
    scores       (L,) probabilities in the contract's order, sum 1
    dimensions   (D,) in [-1, 1], in the contract's order
    text_share   how much the words counted, 0 to 1; the rest is the voice's share
    word_shares  each word's share in the text branch's answer, sum 1; () where it gave none
    voice        what the utterance adds to its speaker's profile, where that was requested
    """

    label: str
    confidence: float
    scores: npt.NDArray[np.float32]
    dimensions: npt.NDArray[np.float32]
    voice: SpeakerSample | None = None
    text_share: float = 0.0
    word_shares: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """Temperature by seconds of speech, and the confidence below which a reading is `unsure`.

    The temperature is interpolated between `seconds` (rising) and constant beyond both ends.
    Guo et al. (2017), "On calibration of modern neural networks", section 4.2.
    """

    seconds: tuple[float, ...] = (0.0,)
    temperature: tuple[float, ...] = (1.0,)
    unsure_below: float = 0.0

    def at(self, seconds: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Temperature after `seconds` of speech."""
        return np.interp(np.asarray(seconds, np.float64), self.seconds, self.temperature)

    def probabilities(self, logits: npt.NDArray[np.float32], seconds: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Probabilities (B, L) of label logits after `seconds` (B,) of speech."""
        with np.errstate(all="ignore"):  # of broken weights come scores that are no numbers; who reads them says so
            scaled = logits / self.at(seconds).astype(np.float32)[:, None]
            odds = np.exp(scaled - scaled.max(-1, keepdims=True))
            return np.asarray(odds / odds.sum(-1, keepdims=True), np.float32)


def decide(
    labels: Sequence[str],
    scores: npt.NDArray[np.float32],
    dimensions: npt.NDArray[np.float32],
    unsure_below: float,
    voice: SpeakerSample | None = None,
) -> Reading:
    """The reading of one row of scores."""
    best = int(scores.argmax())
    confidence = float(scores[best])
    label = UNSURE if confidence < unsure_below else labels[best]
    return Reading(label, confidence, scores, dimensions, voice)


def empty_reading(labels: Sequence[str], dimensions: int) -> Reading:
    """The reading of an utterance without any frame: `unsure`, with the same probability for every label."""
    even = np.full(len(labels), 1.0 / len(labels), np.float32)
    return Reading(UNSURE, float(even[0]), even, np.zeros(dimensions, np.float32))
