"""What each step learns from: a few voices, several utterances of each, cut to one length.

Utterances come by voice, so that a voice's baseline can be learnt from its other utterances in the batch. A batch
whose clips had different lengths would be padded, and the padding would enter the batch normalisation's statistics;
so each batch has one length: longer utterances are cropped, shorter ones are joined to others of the same voice and
emotion.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import SplitInvalid
from .features import Utterance

Rng = np.random.Generator
Voice = tuple[str, str]
"""Corpus and speaker."""


@dataclass(frozen=True, kw_only=True)
class BatchConfig:
    """How an epoch is drawn. Lengths in front-end frames of 10 ms.

    steps       batches an epoch
    voices      voices a batch, each at one speed
    size        utterances of each voice
    shares      how often a voice comes from each corpus; its speakers in equal parts
    lengths     (share, shortest, longest): where a batch's length comes from, any length between alike
    grain       lengths are multiples of this: the encoder's frame
    skewed      share of voices that show one or two emotions only; the others show all of theirs alike
    beginnings  share of pieces that are an utterance's beginning, which is what an interim reading hears
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
    """Pieces of one voice and one label at speed `speed`, one after the other."""

    speed: int
    pieces: tuple[Piece, ...]

    @property
    def frames(self) -> int:
        return sum(piece.frames for piece in self.pieces)


class Draw:
    """Draws epochs of the training utterances, given once for each speed."""

    def __init__(self, speeds: Sequence[Sequence[Utterance]], config: BatchConfig) -> None:
        """SplitInvalid for a corpus with a share and no utterance."""
        self.speeds, self.config = speeds, config
        self._own: list[dict[Voice, dict[str, list[int]]]] = []
        for utterances in speeds:
            own: dict[Voice, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
            for i, u in enumerate(utterances):
                own[u.clip.corpus, u.clip.speaker][u.clip.label].append(i)
            self._own.append({voice: dict(labels) for voice, labels in own.items()})
        self._voices = {
            corpus: [voice for voice in sorted(self._own[0]) if voice[0] == corpus] for corpus in config.shares
        }
        if empty := [corpus for corpus, voices in self._voices.items() if not voices]:
            raise SplitInvalid(f"no utterance of {', '.join(empty)} to train on")

    def epoch(self, rng: Rng) -> list[list[Crop]]:
        """Batches of voices x size crops, a voice's crops side by side; the same for the same `rng`."""
        return [self._batch(rng) for _ in range(self.config.steps)]

    def _batch(self, rng: Rng) -> list[Crop]:
        config = self.config
        shares = np.array(list(config.shares.values()), np.float64)
        corpora = rng.choice(len(shares), size=config.voices, p=shares / shares.sum())
        frames = self._length(rng)
        return [crop for c in corpora for crop in self._crops(self._voices[list(config.shares)[c]], frames, rng)]

    def _length(self, rng: Rng) -> int:
        shares = np.array([share for share, _, _ in self.config.lengths])
        _, shortest, longest = self.config.lengths[int(rng.choice(len(shares), p=shares / shares.sum()))]
        grain = self.config.grain
        return max(grain, int(rng.integers(shortest, longest + 1)) // grain * grain)

    def _crops(self, voices: Sequence[Voice], frames: int, rng: Rng) -> list[Crop]:
        config = self.config
        speed = int(rng.integers(len(self.speeds)))
        voice = voices[int(rng.integers(len(voices)))]
        own = self._own[speed].get(voice)
        if own is None:  # so fast or slow that nothing of it was heard
            speed, own = 0, self._own[0][voice]
        labels = sorted(own)
        if rng.random() < config.skewed:
            labels = [labels[i] for i in rng.permutation(len(labels))[: int(rng.integers(1, 3))]]
        order = [labels[i] for _ in range(-(-config.size // len(labels))) for i in rng.permutation(len(labels))]
        return [self._crop(speed, own[label], frames, rng) for label in order[: config.size]]

    def _crop(self, speed: int, pool: Sequence[int], frames: int, rng: Rng) -> Crop:
        pieces: list[Piece] = []
        missing = frames
        while missing:
            i = pool[int(rng.integers(len(pool)))]
            heard = self.speeds[speed][i].frames
            taken = min(heard, missing)
            first = 0 if rng.random() < self.config.beginnings else int(rng.integers(heard - taken + 1))
            pieces.append(Piece(i, first, taken))
            missing -= taken
        return Crop(speed, tuple(pieces))


def gather(speeds: Sequence[Sequence[Utterance]], batch: Sequence[Crop]) -> npt.NDArray[np.float32]:
    """The front end's frames (B, frames, width) of a batch."""
    return np.stack(
        [
            np.concatenate(
                [
                    speeds[crop.speed][piece.utterance].sound[piece.first : piece.first + piece.frames]
                    for piece in crop.pieces
                ]
            ).astype(np.float32)
            for crop in batch
        ]
    )
