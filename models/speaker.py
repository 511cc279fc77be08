"""The speaker's baseline: how this speaker sounds in a calm moment, learnt during the session.

The embeddings of a speaker's utterances (what their pooled states read as) are averaged, calm utterances with the
largest weight, and the head gets this mean beside the embedding of the current utterance. The encoder does not see it,
so windows are encoded without waiting for a baseline, and their states do not depend on it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:  # torch takes a second to import, and a client does without it
    from torch import Tensor

CALM = ("neutral", "calm")
LEAST = 0.05  # weight of an utterance that is not calm at all, beside 1 for a calm one
MOST_WEIGHT = 8.0  # in calm utterances; with more, each new one replaces a share of the older ones
PRIOR_WEIGHT = 3.0  # weight of the average of all speakers, in calm utterances
FULL_S = 2.0  # seconds of speech that count as a whole utterance; shorter ones count less

Number = TypeVar("Number", float, "Tensor")
Vector = npt.NDArray[np.float32]


@dataclass(frozen=True)
class SpeakerProfile:
    """What is known of a speaker's voice.

    mean    (K,) weighted mean of the embeddings of the speaker's utterances
    weight  sum of their weights, in calm utterances; at most MOST_WEIGHT
    """

    mean: Vector
    weight: float


@dataclass(frozen=True)
class SpeakerProfiles:
    """Profiles of a batch: mean (B, K), weight (B,); weight 0 for an unknown speaker. NumPy's arrays or torch's."""

    mean: Any
    weight: Any


@dataclass(frozen=True)
class SpeakerSample:
    """What one utterance adds to its speaker's profile: its embedding (K,), and the probability that it is calm.

    `calm` comes from the reading without a baseline: otherwise a wrong baseline would reinforce itself.
    """

    embedding: Vector
    calm: float


def calmness(labels: Sequence[str], scores: npt.NDArray[np.floating]) -> float:
    """Probability that an utterance is calm or neutral, from its scores (L,)."""
    return float(sum(scores[i] for i, label in enumerate(labels) if label in CALM))


Array = TypeVar("Array", npt.NDArray[np.float32], "Tensor")


def standardised(embeddings: Array, centre: Array, spread: Array, clip: float) -> Array:
    """Embeddings (B, K) in standard deviations over the training speakers, at most `clip` of them."""
    return ((embeddings - centre) / spread).clip(-clip, clip)


def relative(embeddings: Array, usual: Array, weight: Array, own: Array) -> Array:
    """Embeddings (B, K) less what is usual for their speakers (B, K), the less of it the smaller the weight (B,).

    own  (K,) which share of each feature of what is usual is taken away; learnt
    """
    trust = weight / (weight + PRIOR_WEIGHT)
    return embeddings - trust[:, None] * own * usual


def evidence(calm: Number) -> Number:
    """Weight of an utterance that is calm with this probability; a float, an array or a tensor.

    The probability is squared, so that many utterances that are hardly calm do not add up to a calm baseline.
    """
    return LEAST + (1 - LEAST) * calm * calm


def learn(profile: SpeakerProfile | None, embedding: Vector, calm: float, seconds: float) -> SpeakerProfile:
    """The profile after one more utterance: its embedding (K,), the probability that it is calm, and its length."""
    weight = evidence(calm) * min(1.0, seconds / FULL_S)
    if profile is None:
        return SpeakerProfile(embedding.astype(np.float32), weight)
    total = profile.weight + weight
    if total <= 0:
        return profile
    mean = profile.mean + (weight / total) * (embedding - profile.mean)
    return SpeakerProfile(mean.astype(np.float32), min(total, MOST_WEIGHT))
