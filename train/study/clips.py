"""Which clips of a corpus a study learns from and scores, and how their speakers are divided."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..corpora import LABELS, Clip
from ..corpora.library import list_corpus
from ..errors import SplitInvalid
from ..evaluation.intervals import FEWEST_SPEAKERS
from ..head.folds import Folds, divide, speakers_of

KEPT = {"ravdess": ("21", "22", "23", "24")}
"""Speakers on whom other models are scored, so that no choice may be made by them: a study leaves them out."""

FOLDS = 4
DRAW_SEED = 0
"""Of the clips that `each` keeps and of the folds: the same whatever the seed of a training."""


def study_clips(corpus: str, data: Path, each: int | None = None) -> list[Clip]:
    """The labelled clips of a corpus without the kept speakers and without its own test side.

    each  keeps at most so many clips of each label of each speaker, drawn at random, the same at each call

    SplitInvalid where fewer than six speakers are left, since the intervals are by speakers.
    """
    clips = [
        clip
        for clip in list_corpus(corpus, data)
        if clip.label in LABELS and clip.split != "test" and clip.speaker not in KEPT.get(corpus, ())
    ]
    count = len(speakers_of(clips))
    if count < FEWEST_SPEAKERS or not all(clip.speaker for clip in clips):
        raise SplitInvalid(
            f"{corpus}: {count} known speakers to learn from; a study compares by speakers and needs "
            f"{FEWEST_SPEAKERS}, and the speaker of every clip"
        )
    return clips if each is None else thinned(clips, each)


def thinned(clips: Sequence[Clip], each: int) -> list[Clip]:
    """At most `each` clips of each label of each speaker, drawn at random, in their order."""
    groups: dict[tuple[str, str], list[Clip]] = defaultdict(list)
    for clip in clips:
        groups[clip.speaker, clip.label].append(clip)
    rng = np.random.default_rng(DRAW_SEED)
    kept = {group[i].name for _, group in sorted(groups.items()) for i in rng.permutation(len(group))[:each]}
    return [clip for clip in clips if clip.name in kept]


def study_folds(clips: Sequence[Clip]) -> Folds:
    """Four folds, each speaker held out in one of them."""
    return divide(clips, FOLDS, DRAW_SEED)
