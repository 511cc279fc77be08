"""Which clips a recipe learns from and chooses by: of the system's labels, subsampled or balanced as its paper says."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from emoscope.models.errors import UsageError
from emoscope.models.model import StreamModel
from emoscope.models.systems import AttributesModel

from ..corpora import Clip
from ..corpora.dialogues import OTHER_OR_NONE
from ..errors import SplitInvalid
from ..evaluation.scores import ccc
from .losses import subsample_majority

TRIALS = 20  # of the balanced CCC: Lertpetchpun et al. (2025) give neither n nor k


def label_for(labels: Sequence[str], label: str) -> str | None:
    """A corpus's label by the model's names, calm as neutral where it has no calm; None where it has neither.

    Porjazovski et al. (2024), section 2, merge calm and neutral; `attentive` has no calm either.
    """
    if label in labels:
        return label
    return "neutral" if label == "calm" and "neutral" in labels else None


def usable(model: StreamModel, clips: Sequence[Clip], side: str, others: str = "train") -> list[Clip]:
    """The clips that a system can learn from or be scored by; SplitInvalid where there are none.

    others  of clips without a class (O and X) `attributes` learns from none, from those of the "train" side, or from
            "both" that and the development side, whose share is then moved to the training side by `moved`
    """
    if isinstance(model, AttributesModel):
        found = [c for c in clips if c.dimensions is not None]
        if side != "train" or others == "none":
            found = [c for c in found if c.label not in OTHER_OR_NONE]
        missing = "ratings of arousal, valence and dominance"
    else:
        found = [clip for clip in clips if label_for(model.contract.labels, clip.label) is not None]
        missing = f"label among {', '.join(model.contract.labels)}"
    if not found:
        raise SplitInvalid(f"{side}: no clip with a {missing}; choose another corpus")
    return found


def moved(train: Sequence[Clip], development: Sequence[Clip], others: str) -> tuple[list[Clip], list[Clip]]:
    """Both sides, with the development side's O and X clips moved to the training side where `others` is "both".

    Lertpetchpun et al. (2025), section 3.1: of the challenge's development set.
    """
    if others != "both":
        return list(train), list(development)
    stays = [clip for clip in development if clip.label not in OTHER_OR_NONE]
    return [*train, *(clip for clip in development if clip.label in OTHER_OR_NONE)], stays


def subsampled(clips: Sequence[Clip], labels: Sequence[str], ratio: float | None, seed: int = 0) -> tuple[Clip, ...]:
    """No class more than `ratio` times as often as the rarest; None leaves all.

    8 in training for `attentive` (section 3), 1 for its balanced development set and for the undersampling of
    `attributes` (section 2.4). `labels` (N,) are the classes that count.
    """
    if ratio is None:
        return tuple(clips)
    if ratio < 1:
        raise UsageError(f"ratio={ratio}: at least 1, the commonest class as often as the rarest")
    index = {label: i for i, label in enumerate(sorted(set(labels)))}
    return tuple(clips[i] for i in subsample_majority([index[label] for label in labels], ratio, seed))


def balanced_ccc(
    predicted: npt.NDArray[np.float64],
    rated: npt.NDArray[np.float64],
    labels: Sequence[str],
    trials: int = TRIALS,
    each: int | None = None,
    seed: int = 0,
) -> float:
    """The mean over trials and dimensions of the CCC of (N, D) on `each` random clips of every emotion.

    Lertpetchpun et al. (2025), section 2.4: the validation score that looks like a balanced test set. `each` is by
    default the number of the rarest emotion's clips.
    """
    given = np.asarray(labels)
    groups = [np.flatnonzero(given == label) for label in np.unique(given)]
    count = min(each or min(map(len, groups)), *map(len, groups)) if len(groups) > 1 else each or len(groups[0])
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(trials):
        rows = np.concatenate([rng.permutation(group)[:count] for group in groups])
        found.append(np.mean([ccc(*pair) for pair in zip(predicted[rows].T, rated[rows].T, strict=True)]))
    return float(np.mean(found))
