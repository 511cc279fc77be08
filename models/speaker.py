"""The voice's own baseline: how this voice sounds when nothing much is felt, learnt while it speaks.

What a pooled state of an utterance reads as (its embedding) is averaged over the utterances of one voice, calm ones
most, and handed to the head beside the embedding of the utterance at hand. Nothing of it enters the encoder, so
windows never wait for a baseline and their summaries do not depend on it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:  # torch takes a second to import, and the live path begins without it
    from torch import Tensor

CALM = ("neutral", "calm")
LEAST = 0.05  # of a calm utterance's weight, for one that is not calm at all
MOST_WEIGHT = 8.0  # calm utterances' worth; beyond, older ones fade
PRIOR_WEIGHT = 3.0  # how many calm utterances the average of all voices stands for
FULL_S = 2.0  # speech that counts as one utterance; shorter ones count less

Number = TypeVar("Number", float, "Tensor")
Vector = npt.NDArray[np.float32]


@dataclass(frozen=True)
class SpeakerProfile:
    """What is known of a voice.

    mean    (K,) weighted mean of its utterances' embeddings
    weight  how much evidence that is, in calm utterances; at most MOST_WEIGHT
    """

    mean: Vector
    weight: float


@dataclass(frozen=True)
class SpeakerProfiles:
    """Profiles of a batch: mean (B, K), weight (B,); weight 0 where nothing is known."""

    mean: "Tensor"
    weight: "Tensor"


@dataclass(frozen=True)
class SpeakerSample:
    """What one utterance teaches about its voice: embedding (K,), and the probability that it is calm.

    `calm` comes from the reading without any baseline: or a wrong one would feed itself.
    """

    embedding: Vector
    calm: float


def calmness(labels: Sequence[str], scores: npt.NDArray[np.floating]) -> float:
    """Probability of a calm voice under scores (L,)."""
    return float(sum(scores[i] for i, label in enumerate(labels) if label in CALM))


def evidence(calm: Number) -> Number:
    """What an utterance tells of a voice, as its reading is `calm` with that probability: squared, so that many
    utterances that are hardly calm do not add up to a calm voice. A float, an array or a tensor."""
    return LEAST + (1 - LEAST) * calm * calm


def learn(profile: SpeakerProfile | None, embedding: Vector, calm: float, seconds: float) -> SpeakerProfile:
    """The profile after one more utterance: embedding (K,), probability `calm` of its reading, its length."""
    weight = evidence(calm) * min(1.0, seconds / FULL_S)
    if profile is None:
        return SpeakerProfile(embedding.astype(np.float32), weight)
    total = profile.weight + weight
    if total <= 0:
        return profile
    mean = profile.mean + (weight / total) * (embedding - profile.mean)
    return SpeakerProfile(mean.astype(np.float32), min(total, MOST_WEIGHT))
