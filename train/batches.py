"""What each step learns from: corpora and classes in balance, crops of one length per batch.

A batch whose clips had different lengths would be padded, and the padding would enter the batch normalisation's
statistics; so clips are first given a crop, then sorted by its length, and a batch takes the shortest of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .errors import SplitInvalid
from .features import Utterance

Rng = np.random.Generator


@dataclass(frozen=True, kw_only=True)
class BatchConfig:
    """How an epoch is drawn. Lengths in front-end frames of 10 ms.

    size         clips a batch
    per_epoch    clips an epoch draws from each corpus, its classes in equal parts
    shortest     crops have `shortest` frames at least and `longest` at most, any length alike
    whole        share of clips that are kept whole (up to `longest`); half of the others begin at the start
    grain        lengths are multiples of this: the encoder's frame
    """

    size: int
    per_epoch: Mapping[str, int]
    shortest: int = 48
    longest: int = 400
    whole: float = 0.5
    grain: int = 4


@dataclass(frozen=True)
class Crop:
    """`frames` front-end frames of utterance `utterance` at speed `speed`, from frame `first`."""

    speed: int
    utterance: int
    first: int
    frames: int


def draw_epoch(speeds: Sequence[Sequence[Utterance]], config: BatchConfig, rng: Rng) -> list[list[Crop]]:
    """Batches of one epoch, in random order; the same for the same `rng`, and always as many.

    speeds: the training utterances, once for each speed.
    """
    crops = [_crop(speeds, speed, i, config, rng) for speed, i in _draw(speeds, config, rng)]
    # Ties in length are broken by the random draw order, so that equal lengths mix anew each epoch.
    crops.sort(key=lambda crop: crop.frames)
    count = max(1, len(crops) // config.size)
    batches = [list(part) for part in np.array_split(np.array(crops, object), count)]
    batches = [_level(batch, rng) for batch in batches]
    rng.shuffle(batches)
    return batches


def _draw(speeds: Sequence[Sequence[Utterance]], config: BatchConfig, rng: Rng) -> list[tuple[int, int]]:
    """(speed, utterance) pairs: each corpus its number, each class of it the same part, evenly over its clips."""
    drawn: list[tuple[int, int]] = []
    for corpus, count in config.per_epoch.items():
        labels = sorted({u.clip.label for u in speeds[0] if u.clip.corpus == corpus})
        if not labels:
            raise SplitInvalid(f"no utterance of {corpus} to train on")
        for place, label in enumerate(labels):
            quota = count * (place + 1) // len(labels) - count * place // len(labels)
            choice = rng.integers(len(speeds), size=quota)
            pools = [
                [i for i, u in enumerate(utterances) if u.clip.corpus == corpus and u.clip.label == label]
                for utterances in speeds
            ]
            orders = [_cycle(len(pool), quota, rng) for pool in pools]
            drawn += [(int(s), pools[s][orders[s][n]]) for n, s in enumerate(choice) if pools[s]]
    order = rng.permutation(len(drawn))
    return [drawn[i] for i in order]


def _cycle(size: int, count: int, rng: Rng) -> npt.NDArray[np.int64]:
    """`count` indices below `size`: random permutations, one after the other."""
    if size == 0:
        return np.zeros(0, np.int64)
    rounds = [rng.permutation(size) for _ in range(-(-count // size))]
    return np.concatenate(rounds)[:count] if rounds else np.zeros(0, np.int64)


def _crop(speeds: Sequence[Sequence[Utterance]], speed: int, i: int, config: BatchConfig, rng: Rng) -> Crop:
    frames = speeds[speed][i].frames
    most = min(frames, config.longest)
    kind = rng.random()
    wish = most if kind < config.whole else int(rng.integers(min(config.shortest, most), most + 1))
    wish = max(config.grain, wish // config.grain * config.grain)
    # Between whole clips and random crops: beginnings, which is what an interim reading hears.
    from_start = kind >= (1 + config.whole) / 2
    first = 0 if from_start else int(rng.integers(frames - wish + 1))
    return Crop(speed, i, first, wish)


def _level(batch: list[Crop], rng: Rng) -> list[Crop]:
    """The same crops, all as short as the shortest; what is cut off falls at random on both sides."""
    shortest = min(crop.frames for crop in batch)
    return [
        Crop(
            crop.speed,
            crop.utterance,
            crop.first + (int(rng.integers(crop.frames - shortest + 1)) if crop.first else 0),
            shortest,
        )
        for crop in batch
    ]


def gather(speeds: Sequence[Sequence[Utterance]], batch: Sequence[Crop]) -> npt.NDArray[np.float32]:
    """Mel powers (B, frames, bands) of a batch, in dB."""
    return np.stack(
        [
            speeds[crop.speed][crop.utterance].mel[crop.first : crop.first + crop.frames].astype(np.float32)
            for crop in batch
        ]
    )
