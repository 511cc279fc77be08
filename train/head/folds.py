"""Cross-validation over speakers: each speaker is held out once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from ..corpora import Clip
from ..errors import SplitInvalid

MOST = 5


@dataclass(frozen=True)
class Folds:
    """Held-out clips of each fold. `by` is what is kept apart: "speaker", or "clip" where speakers are not known."""

    held_out: tuple[tuple[Clip, ...], ...]
    by: str


def speakers_of(clips: Sequence[Clip]) -> list[str]:
    """The named speakers, sorted."""
    return sorted({clip.speaker for clip in clips} - {""})


def divide(clips: Sequence[Clip], most: int = MOST, seed: int = 0) -> Folds:
    """At most `most` folds in which labels are about as frequent as in all, a speaker in one fold alone.

    With fewer than two speakers, or where a clip's is unknown, clips are divided, whose voices are then heard in
    training. SplitInvalid where that cannot be either.
    """
    known = all(clip.speaker for clip in clips) and len(speakers_of(clips)) > 1
    groups = [clip.speaker if known else clip.name for clip in clips]
    count = min(most, len(set(groups)))
    if count < 2:
        raise SplitInvalid("one clip cannot be divided: give at least two of each label")
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    labels = np.array([clip.label for clip in clips])
    parts = [rows for _, rows in splitter.split(np.zeros(len(clips)), labels, groups)]
    held_out = tuple(tuple(clips[i] for i in rows) for rows in parts if len(rows))
    return Folds(held_out, "speaker" if known else "clip")
