"""From logits to an honest answer: calibrated by seconds heard, allowed to say `unsure`."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .speaker import SpeakerSample

UNSURE = "unsure"

# Where each label lies on arousal, valence and dominance, in [-1, 1]: coarse places of our own choosing on the
# circumplex of Russell (1980), no corpus behind them. Readings that use them are marked as derived.
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
    """What a pooled state says.

    label       the likeliest label, or `unsure`
    confidence  its probability (of the likeliest label where it is `unsure`)
    scores      (L,) probabilities in the contract's order, sum 1
    dimensions  (D,) in [-1, 1], in the contract's order
    text_share  how much the words counted, 0 to 1; the rest is the voice's
    word_shares each word's share in what they say, sum 1; () where they say nothing
    voice       what the utterance teaches about its voice, where that was asked for
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
    """Temperature by seconds heard, and the confidence under which a reading is `unsure`.

    The temperature is interpolated between `seconds` (rising) and constant beyond both ends.
    Guo et al. (2017), "On calibration of modern neural networks", section 4.2.
    """

    seconds: tuple[float, ...] = (0.0,)
    temperature: tuple[float, ...] = (1.0,)
    unsure_below: float = 0.0

    def at(self, seconds: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Temperature after `seconds` of speech."""
        return np.interp(np.asarray(seconds, np.float64), self.seconds, self.temperature)


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


def nothing_heard(labels: Sequence[str], dimensions: int) -> Reading:
    """The reading of no frames: every label alike, and `unsure`."""
    even = np.full(len(labels), 1.0 / len(labels), np.float32)
    return Reading(UNSURE, float(even[0]), even, np.zeros(dimensions, np.float32))
