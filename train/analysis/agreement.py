"""How far models agree: the answers of one taken for the truth, and the others scored against them.

Porjazovski et al. (2024), table 2: UAR "where the best model's predictions for each dataset are treated
as ground truth". Here each model is taken for the truth in turn. Cohen (1960), "A coefficient of agreement for nominal
scales": kappa is the agreement beyond what the models' answers would have by chance.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import SplitInvalid
from ..evaluation.calibration_inputs import ModelPredictions
from ..evaluation.intervals import one_hot, resample
from ..evaluation.predictions import final_answers
from ..evaluation.protocols import Protocol, apply_protocol
from ..evaluation.scores import Truth, answers, uar, uar_of

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Pair:
    """Two models. `same`: share of clips with the same answer, with its interval; rights are shares of the clips."""

    first: str
    second: str
    same: float
    ci95: tuple[float, float]
    kappa: float
    both_right: float
    only_first: float
    only_second: float
    neither: float


@dataclass(frozen=True)
class Agreement:
    """Models that were heard on the same clips, the best first.

    names   of the models; uars: of each against the corpus's labels
    matrix  (M, M) UAR of the model of a column where the answers of the model of a row are the truth
    pairs   each two models
    clips   of how many clips this is: those that every model answered
    silent  clips that some model did not answer
    """

    names: tuple[str, ...]
    uars: tuple[float, ...]
    matrix: Array
    pairs: tuple[Pair, ...]
    clips: int
    silent: int


def agreement(names: Sequence[str], models: Sequence[Sequence[ModelPredictions]], protocol: Protocol) -> Agreement:
    """The agreement of two models or more, each with predictions for the same clips in the same order.

    SplitInvalid where the clips differ, or none was answered by all.
    """
    answered: list[Truth] = []
    rows = [[one for part in own for one in part.clips] for own in models]
    clips = [one.clip for one in rows[0]]
    for own, predictions in zip(models, rows, strict=True):
        if [one.clip for one in predictions] != clips:
            raise SplitInvalid("the models were heard on different clips; take speakers whom none was trained on")
        labels = own[0].model.labels
        scores, truth = apply_protocol(
            labels, final_answers(predictions, len(labels)), [clip.label for clip in clips], protocol
        )
        answered.append(answers(scores))
    spoken = np.all([one >= 0 for one in answered], axis=0)
    if not spoken.any():
        raise SplitInvalid("no clip was answered by all models: was there speech in them?")
    heard, truth = [one[spoken] for one in answered], truth[spoken]
    speakers = [clip.speaker for clip, there in zip(clips, spoken, strict=True) if there]
    scored = [uar(one, truth) for one in heard]
    order = sorted(range(len(names)), key=lambda i: -scored[i])
    ordered = [heard[i] for i in order]
    classes = len(protocol.classes)
    matrix = np.array([[float(uar_of(one_hot(b, a, classes).sum(0))) for b in ordered] for a in ordered])
    pairs = [
        _pair(names[order[i]], names[order[j]], ordered[i], ordered[j], truth, speakers, classes)
        for i in range(len(order))
        for j in range(i + 1, len(order))
    ]
    return Agreement(
        tuple(names[i] for i in order),
        tuple(scored[i] for i in order),
        matrix,
        tuple(pairs),
        int(spoken.sum()),
        int((~spoken).sum()),
    )


def kappa(first: Truth, second: Truth, classes: int) -> float:
    """Cohen's kappa of two series of answers; 1 where both always give one and the same answer."""
    same = float((first == second).mean())
    chance = float(
        (np.bincount(first, minlength=classes) / len(first)) @ (np.bincount(second, minlength=classes) / len(second))
    )
    return 1.0 if chance >= 1 else (same - chance) / (1 - chance)


def _pair(first: str, second: str, a: Truth, b: Truth, truth: Truth, speakers: Sequence[str], classes: int) -> Pair:
    same = (a == b).astype(np.float64)
    drawn = resample(speakers, truth)
    right_a, right_b = a == truth, b == truth
    return Pair(
        first,
        second,
        float(same.mean()),
        drawn.interval(lambda sums: sums[:, 0] / sums[:, 1], np.stack([same, np.ones(len(same))], 1)),
        kappa(a, b, classes),
        float((right_a & right_b).mean()),
        float((right_a & ~right_b).mean()),
        float((~right_a & right_b).mean()),
        float((~right_a & ~right_b).mean()),
    )
