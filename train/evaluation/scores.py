"""Metrics computed from confusion matrices, so that a bootstrap can resample the matrices.

A confusion matrix (..., C, C + 1) counts clips by true class (rows) and by answer (columns); the last column counts
clips without a prediction, which are therefore wrong.
"""

import numpy as np
import numpy.typing as npt

Probabilities = npt.NDArray[np.float64]
Truth = npt.NDArray[np.int64]
Array = npt.NDArray[np.float64]


def answers(scores: Probabilities) -> Truth:
    """(N,) the best class of each row, -1 (never right) for a row of zeros."""
    return np.where(scores.sum(1) > 0, scores.argmax(1), -1)


def confusion(answered: Truth, truth: Truth, classes: int) -> Array:
    """(C, C + 1) counts of clips."""
    counts = np.zeros((classes, classes + 1))
    np.add.at(counts, (truth, np.where(answered < 0, classes, answered)), 1)
    return counts


def _right(counts: Array) -> Array:
    return np.asarray(np.diagonal(counts[..., :-1], axis1=-2, axis2=-1))


def recalls(counts: Array) -> Array:
    """(..., C) recall of each class; NaN for a class without clips."""
    support = counts.sum(-1)
    return np.asarray(np.divide(_right(counts), support, out=np.full(support.shape, np.nan), where=support > 0))


def f1s(counts: Array) -> Array:
    """(..., C) 2 TP / (2 TP + FP + FN); NaN for a class without clips."""
    support = counts.sum(-1)
    either = support + counts[..., :-1].sum(-2)
    return np.where(support > 0, 2 * _right(counts) / np.maximum(either, 1e-12), np.nan)


def uar_of(counts: Array) -> Array:
    """Unweighted average recall: the mean over the classes that have clips."""
    return np.asarray(np.nanmean(recalls(counts), -1))


def wa_of(counts: Array) -> Array:
    """Weighted accuracy: the share of clips that are right."""
    return np.asarray(_right(counts).sum(-1) / counts.sum((-2, -1)))


def macro_f1_of(counts: Array) -> Array:
    """The mean of F1 over the classes that have clips."""
    return np.asarray(np.nanmean(f1s(counts), -1))


def weighted_f1_of(counts: Array) -> Array:
    """The mean of F1, each class weighted by its clips."""
    return np.asarray(np.nansum(f1s(counts) * counts.sum(-1), -1) / counts.sum((-2, -1)))


def _matrix(answered: Truth, truth: Truth) -> Array:
    return confusion(answered, truth, int(max(truth.max(), answered.max(initial=0))) + 1)


def uar(answered: Truth, truth: Truth) -> float:
    """Unweighted average recall: the mean of the recall of each class."""
    return float(uar_of(_matrix(answered, truth)))


def macro_f1(answered: Truth, truth: Truth) -> float:
    """The mean over the true classes of 2 TP / (2 TP + FP + FN)."""
    return float(macro_f1_of(_matrix(answered, truth)))


def ccc(x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """Concordance correlation coefficient of two series (N,). Lin (1989), equation 1; 0 where neither varies."""
    a, b = np.asarray(x, np.float64), np.asarray(y, np.float64)
    moments = np.array([1.0, a.mean(), b.mean(), (a * a).mean(), (b * b).mean(), (a * b).mean()])
    return float(ccc_of(moments))


def ccc_of(moments: Array) -> Array:
    """CCC from moments (..., 6): sums of 1, x, y, x^2, y^2 and xy."""
    count, sx, sy, sxx, syy, sxy = np.moveaxis(np.asarray(moments, np.float64), -1, 0)
    mx, my = sx / count, sy / count
    denominator = sxx / count - mx**2 + syy / count - my**2 + (mx - my) ** 2
    return np.asarray(
        np.divide(
            2 * (sxy / count - mx * my), denominator, out=np.zeros(np.shape(denominator)), where=denominator > 1e-12
        )
    )
