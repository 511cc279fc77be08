"""Evaluation of a text branch on sentences, without audio."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from emoscope.models.errors import UsageError
from emoscope.models.text import TextBranch

from ..evaluation.confidence import calibration_error
from .data import CLASSES, LICENCES, Labelled, read_goemotions, read_meld, text_part

Flags = npt.NDArray[np.bool_]
Probabilities = npt.NDArray[np.float64]


def evaluate_text(
    corpus: Literal["goemotions", "meld"], data: Path, branch: TextBranch, part: str = "dev"
) -> dict[str, Any]:
    """Score a text branch on a corpus's development part, or on the file that `data` is; see `score`, `text_part`.

    goemotions  several classes a sentence: each above its threshold in the card
    meld        one class a sentence: the one with the largest p / prior^lean, with the card's `lean`

    Raises UsageError (another corpus, or a branch with other classes) and TrainingError (missing or broken files).
    """
    if corpus not in LICENCES:
        raise UsageError(f"no corpus of sentences {corpus!r}; there are {', '.join(LICENCES)}")
    if branch.classes != CLASSES:
        raise UsageError(
            f"the text branch has the classes {', '.join(branch.classes)}; {corpus} has {', '.join(CLASSES)}"
        )
    folder, part = text_part(data, corpus, part)
    read = read_goemotions if corpus == "goemotions" else read_meld
    return {"corpus": corpus, "part": part, **score(branch, read(folder, part), several=corpus == "goemotions")}


def score(branch: TextBranch, sentences: Labelled, several: bool) -> dict[str, Any]:
    """n, macro_f1, f1 of each class, ece (of the likeliest class), and how many sentences had no words to read.

    several  whether a sentence may have several classes
    """
    predicted = probabilities(branch, sentences.words)
    truth = sentences.truth > 0
    card = branch.card
    decided = (
        several_classes(predicted, card.thresholds) if several else one_class(predicted, branch.class_prior, card.lean)
    )
    f1 = f1_scores(decided, truth)
    # A sentence with several classes counts as right if the most probable class is one of them.
    best = predicted.argmax(1)
    right = np.where(truth[np.arange(len(best)), best], best, truth.argmax(1))
    return {
        "n": len(sentences),
        "macro_f1": round(float(f1.mean()), 4),
        "f1": {name: round(float(value), 4) for name, value in zip(branch.classes, f1, strict=True)},
        "ece": round(calibration_error(predicted, right), 4),
        "unread": sum(branch.read(words) is None for words in sentences.words if len(words) < 2),
    }


def probabilities(branch: TextBranch, sentences: Sequence[Sequence[str]]) -> Probabilities:
    """(N, C) of each sentence, as in the live path; the prior for one without words."""
    readings = (branch.read(words) for words in sentences)
    rows = [branch.class_prior if reading is None else reading.classes for reading in readings]
    return np.stack(rows).astype(np.float64)


def several_classes(predicted: Probabilities, thresholds: Sequence[float]) -> Flags:
    """(N, C) each class above its threshold; without one, the most probable class."""
    above = predicted > np.asarray(thresholds)
    return np.where(above.any(1, keepdims=True), above, _best(predicted))


def one_class(predicted: Probabilities, prior: npt.ArrayLike, lean: float) -> Flags:
    """(N, C) the class with the largest p / prior^lean: at 0 the most probable, at 1 the largest ratio to the prior."""
    return _best(predicted / np.asarray(prior, np.float64) ** lean)


def _best(scores: Probabilities) -> Flags:
    best = np.zeros(scores.shape, np.bool_)
    best[np.arange(len(scores)), scores.argmax(1)] = True
    return best


def f1_scores(decided: Flags, truth: Flags) -> Probabilities:
    """(C,) 2 TP / (2 TP + FP + FN) of each class; 0 for a class that is neither true nor predicted."""
    right = (decided & truth).sum(0)
    return np.asarray(2 * right / np.maximum(decided.sum(0) + truth.sum(0), 1), np.float64)
