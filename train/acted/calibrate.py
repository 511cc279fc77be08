"""Calibration: temperatures by seconds of speech, and the confidence below which the answer is `unsure`."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from emoscope.models.reading import Calibration

from ..corpora import CALM_LIKE, CORPORA, Clip
from .losses import restrict

SECONDS = (0.5, 1.0, 1.5, 2.0, 3.0)
FEWEST = 20  # readings that a temperature is fitted to
WRONG_ANSWER_COST = 0.5  # relative to the gain of a right answer; `unsure` gains and costs nothing


@dataclass(frozen=True)
class HeldOutLogits:
    """Logits for beginnings of utterances of held-out speakers.

    logits (N, L), truth (N,) label indices, seconds (N,) of speech, weight (N,) that gives each corpus the same total
    """

    logits: npt.NDArray[np.float64]
    truth: npt.NDArray[np.int64]
    seconds: npt.NDArray[np.float64]
    weight: npt.NDArray[np.float64]


def held_out_of(raw: Tensor, clips: Sequence[Clip], seconds: Sequence[float], labels: Sequence[str]) -> HeldOutLogits:
    """Logits (N, L) of these clips, restricted to the labels of each one's corpus, as the loss is.

    The corpus cannot show whether the others are wrong. Of read speech all labels count, and the likeliest of CALM_LIKE
    is taken to be right.
    """
    corpora = [clip.corpus for clip in clips]
    allowed = torch.tensor(
        [[corpus == "read" or label in CORPORA[corpus].labels for label in labels] for corpus in corpora]
    )
    calm = torch.tensor([label in CALM_LIKE for label in labels])
    calmest = raw.masked_fill(~calm, -torch.inf).argmax(1).tolist()
    truth = [calmest[i] if clip.corpus == "read" else labels.index(clip.label) for i, clip in enumerate(clips)]
    share = {corpus: 1 / corpora.count(corpus) for corpus in set(corpora)}
    return HeldOutLogits(
        restrict(raw, allowed).double().numpy(),
        np.array(truth),
        np.array(seconds),
        np.array([share[corpus] for corpus in corpora]),
    )


def together(parts: Sequence[HeldOutLogits]) -> HeldOutLogits:
    """Concatenate the logits of several models; each corpus has the same weight in each part."""
    names = ("logits", "truth", "seconds", "weight")
    return HeldOutLogits(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def fit_calibration(held_out: HeldOutLogits, seconds: Sequence[float] = SECONDS) -> Calibration:
    """One temperature for each of `seconds` by maximum likelihood, then the threshold of `unsure`.

    Guo et al. (2017), section 4.2, with each reading assigned to the nearest of `seconds`.
    """
    nearest = np.abs(held_out.seconds[:, None] - np.array(seconds)[None]).argmin(1)
    known = [i for i in range(len(seconds)) if (nearest == i).sum() >= FEWEST]
    if not known:
        return Calibration()
    calibration = Calibration(
        seconds=tuple(seconds[i] for i in known),
        temperature=tuple(_best_temperature(held_out, nearest == i) for i in known),
    )
    return Calibration(
        seconds=calibration.seconds,
        temperature=calibration.temperature,
        unsure_below=_unsure_threshold(held_out, calibration),
    )


def probabilities(held_out: HeldOutLogits, calibration: Calibration) -> npt.NDArray[np.float64]:
    """(N, L) the calibrated probabilities."""
    return _softmax(held_out.logits / calibration.at(held_out.seconds)[:, None])


def _best_temperature(held_out: HeldOutLogits, rows: npt.NDArray[np.bool_]) -> float:
    """The best of a grid from 0.3 to 3, in steps of two per cent."""
    grid = 0.3 * 1.02 ** np.arange(117)
    truth, weight = held_out.truth[rows], held_out.weight[rows]
    losses = [
        -(weight * np.log(_softmax(held_out.logits[rows] / t)[np.arange(len(truth)), truth] + 1e-12)).sum()
        for t in grid
    ]
    return round(float(grid[int(np.argmin(losses))]), 3)


def _unsure_threshold(held_out: HeldOutLogits, calibration: Calibration) -> float:
    """The confidence threshold with the largest gain, where a wrong answer costs WRONG_ANSWER_COST."""
    scores = probabilities(held_out, calibration)
    gain = held_out.weight * np.where(scores.argmax(1) == held_out.truth, 1.0, -WRONG_ANSWER_COST)
    grid = np.arange(0.0, 0.61, 0.01)
    gains = [gain[scores.max(1) >= threshold].sum() for threshold in grid]
    return round(float(grid[int(np.argmax(gains))]), 2)


def _softmax(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    shifted = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(shifted / shifted.sum(1, keepdims=True), np.float64)
