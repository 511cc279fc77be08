"""How far a model's confidence can be trusted: a temperature by seconds heard, and when to say `unsure`."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from emoscope.models.reading import Calibration
from emoscope.models.small import SmallModel

from ..corpora import CORPORA
from .features import Utterance
from .losses import restrict
from .pooling import embeddings_of

SECONDS = (0.5, 1.0, 1.5, 2.0, 3.0)
FEWEST = 20  # readings, for a temperature of their own
WRONG_ANSWER_COST = 0.5  # of what a right answer is worth; `unsure` is worth nothing


@dataclass(frozen=True)
class HeldOutLogits:
    """Answers to beginnings of utterances by speakers who were not trained on.

    logits (N, L), truth (N,) label indices, seconds (N,) heard, weight (N,) so that each corpus counts alike
    """

    logits: npt.NDArray[np.float64]
    truth: npt.NDArray[np.int64]
    seconds: npt.NDArray[np.float64]
    weight: npt.NDArray[np.float64]


def logits_of_beginnings(
    model: SmallModel, utterances: Sequence[Utterance], seconds: Sequence[float] = SECONDS
) -> HeldOutLogits:
    """Logits after each of `seconds` of every utterance that is so long, and after all of it.

    Restricted to the corpus's labels, as the loss is: of the others nobody can say whether they would be wrong.
    """
    labels = model.contract.labels
    rate = model.contract.sample_rate / model.frontend.hop
    cuts = [(u, min(u.frames, round(s * rate))) for u in utterances for s in seconds if u.frames >= s * rate]
    cuts += [(u, u.frames) for u in utterances]
    cuts = [(u, frames - frames % model.encoder.stride) for u, frames in cuts]
    with torch.inference_mode():
        raw = model.decide(embeddings_of(model, [torch.from_numpy(u.sound[:frames]) for u, frames in cuts]), None)[0]
    allowed = torch.tensor([[label in CORPORA[u.clip.corpus].labels for label in labels] for u, _ in cuts])
    corpora = [u.clip.corpus for u, _ in cuts]
    share = {corpus: 1 / corpora.count(corpus) for corpus in set(corpora)}
    return HeldOutLogits(
        restrict(raw, allowed).double().numpy(),
        np.array([labels.index(u.clip.label) for u, _ in cuts]),
        np.array([frames / rate for _, frames in cuts]),
        np.array([share[corpus] for corpus in corpora]),
    )


def together(parts: Sequence[HeldOutLogits]) -> HeldOutLogits:
    """The answers of several models to several speakers; each corpus counts alike in each part."""
    names = ("logits", "truth", "seconds", "weight")
    return HeldOutLogits(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def fit_calibration(held_out: HeldOutLogits, seconds: Sequence[float] = SECONDS) -> Calibration:
    """One temperature about each of `seconds`, each the best by likelihood; then the confidence that pays.

    Guo et al. (2017), section 4.2, in buckets: readings count for the nearest of `seconds`.
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
    """(N, L) calibrated."""
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
    """The confidence under which silence is worth more than an answer, where a wrong one costs WRONG_ANSWER_COST."""
    scores = probabilities(held_out, calibration)
    worth = held_out.weight * np.where(scores.argmax(1) == held_out.truth, 1.0, -WRONG_ANSWER_COST)
    grid = np.arange(0.0, 0.61, 0.01)
    gains = [worth[scores.max(1) >= threshold].sum() for threshold in grid]
    return round(float(grid[int(np.argmax(gains))]), 2)


def _softmax(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    shifted = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(shifted / shifted.sum(1, keepdims=True), np.float64)
