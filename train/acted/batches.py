"""Training batches: a few speakers, several utterances of each, cut to one length.

A batch holds several utterances of each speaker, so that the speaker baseline can be trained from the others. Padding
would enter the statistics of the batch normalisation, so all crops of a batch have one length: longer utterances are
cropped, shorter ones are concatenated with others of the same speaker and emotion.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import SplitInvalid
from .utterances import Utterance

Rng = np.random.Generator
Speaker = tuple[str, str]
"""Corpus and speaker."""


@dataclass(frozen=True, kw_only=True)
class BatchConfig:
    """How batches are drawn. Lengths in front-end frames of 10 ms.

    steps       batches an epoch
    voices      speakers a batch, each of one variant
    size        utterances of each speaker
    shares      relative frequency of each corpus; its speakers are equally likely
    lengths     (share, shortest, longest): ranges that a batch's length is drawn from, uniformly within one
    grain       lengths and first frames are multiples of this: the encoder's frame
    skewed      share of speakers with one or two emotions in the batch; the others have all of theirs equally often
    beginnings  share of pieces from an utterance's beginning, which interim readings are made from
    """

    steps: int
    voices: int
    size: int
    shares: Mapping[str, float]
    lengths: tuple[tuple[float, int, int], ...] = ((0.4, 48, 160), (0.45, 160, 160), (0.15, 176, 320))
    grain: int = 4
    skewed: float = 0.25
    beginnings: float = 0.5


@dataclass(frozen=True)
class Piece:
    """`frames` front-end frames of utterance `utterance`, from frame `first`."""

    utterance: int
    first: int
    frames: int


@dataclass(frozen=True)
class Crop:
    """Concatenated pieces of one speaker and one label, of variant `variant` of the utterances."""

    variant: int
    pieces: tuple[Piece, ...]

    @property
    def frames(self) -> int:
        return sum(piece.frames for piece in self.pieces)


class Draw:
    """Draws epochs of the training utterances, given once for each variant."""

    def __init__(self, variants: Sequence[Sequence[Utterance]], config: BatchConfig) -> None:
        """SplitInvalid for a corpus with a share and no utterance."""
        self.variants, self.config = variants, config
        self._own: list[dict[Speaker, dict[str, list[int]]]] = []
        for utterances in variants:
            own: dict[Speaker, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
            for i, u in enumerate(utterances):
                own[u.clip.corpus, u.clip.speaker][u.clip.label].append(i)
            self._own.append({speaker: dict(labels) for speaker, labels in own.items()})
        self._speakers = {
            corpus: [speaker for speaker in sorted(self._own[0]) if speaker[0] == corpus] for corpus in config.shares
        }
        if empty := [corpus for corpus, speakers in self._speakers.items() if not speakers]:
            raise SplitInvalid(f"no utterance of {', '.join(empty)} to train on")

    def epoch(self, rng: Rng) -> list[list[Crop]]:
        """Batches of voices x size crops, the crops of a speaker adjacent; the same for the same `rng`."""
        return [self._batch(rng) for _ in range(self.config.steps)]

    def _batch(self, rng: Rng) -> list[Crop]:
        config = self.config
        shares = np.array(list(config.shares.values()), np.float64)
        corpora = rng.choice(len(shares), size=config.voices, p=shares / shares.sum())
        frames = self._length(rng)
        return [crop for c in corpora for crop in self._crops(self._speakers[list(config.shares)[c]], frames, rng)]

    def _length(self, rng: Rng) -> int:
        shares = np.array([share for share, _, _ in self.config.lengths])
        _, shortest, longest = self.config.lengths[int(rng.choice(len(shares), p=shares / shares.sum()))]
        grain = self.config.grain
        return max(grain, int(rng.integers(shortest, longest + 1)) // grain * grain)

    def _crops(self, speakers: Sequence[Speaker], frames: int, rng: Rng) -> list[Crop]:
        config = self.config
        variant = int(rng.integers(len(self.variants)))
        speaker = speakers[int(rng.integers(len(speakers)))]
        own = self._own[variant].get(speaker)
        if own is None:  # no speech of the speaker was detected in this variant
            variant, own = 0, self._own[0][speaker]
        labels = sorted(own)
        if rng.random() < config.skewed:
            labels = [labels[i] for i in rng.permutation(len(labels))[: int(rng.integers(1, 3))]]
        order = [labels[i] for _ in range(-(-config.size // len(labels))) for i in rng.permutation(len(labels))]
        return [self._crop(variant, own[label], frames, rng) for label in order[: config.size]]

    def _crop(self, variant: int, pool: Sequence[int], frames: int, rng: Rng) -> Crop:
        pieces: list[Piece] = []
        missing = frames
        while missing:
            i = pool[int(rng.integers(len(pool)))]
            available = self.variants[variant][i].frames
            taken = min(available, missing)
            first = 0 if rng.random() < self.config.beginnings else self._place(available - taken, rng)
            pieces.append(Piece(i, first, taken))
            missing -= taken
        return Crop(variant, tuple(pieces))

    def _place(self, room: int, rng: Rng) -> int:
        """A multiple of `grain` from 0 to `room`."""
        grain = self.config.grain
        return int(rng.integers(room // grain + 1)) * grain


def gather(variants: Sequence[Sequence[Utterance]], batch: Sequence[Crop]) -> npt.NDArray[np.float32]:
    """The front end's frames (B, frames, width) of a batch."""
    return np.stack(
        [
            np.concatenate(
                [
                    variants[crop.variant][piece.utterance].sound[piece.first : piece.first + piece.frames]
                    for piece in crop.pieces
                ]
            ).astype(np.float32)
            for crop in batch
        ]
    )
