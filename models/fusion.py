"""Voice and words in one answer, where the two branches were trained apart.

If what is heard and what is said are independent given the emotion e, Bayes' rule gives

    p(e | voice, text)  is proportional to  p(e | voice) p(e | text)^w / p(e)^w

with w = 1 and calibrated branches (Kittler et al. 1998, "On combining classifiers", equation 8, the product rule). A
weight w below 1 trusts the text less; 0 leaves the voice as it is. Both conditionals hold the corpus's own share of
each label once: dividing by the text's prior takes it out of the text.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float32]

SMALLEST = 1e-6  # the least probability that a branch is taken at its word for


@dataclass(frozen=True)
class Fused:
    """The answer of both branches.

    scores       (L,) probabilities, sum 1
    share_audio  how much of the evidence came from the voice, share_text from the words: sum 1. Evidence is how far
                 a branch moves the labels apart: the standard deviation over the labels of the log-factor that it
                 brings. Two branches that say nothing: all is the voice's
    """

    scores: Scores
    share_audio: float
    share_text: float


def fuse(voice: npt.ArrayLike, text: npt.ArrayLike, prior: npt.ArrayLike, weight_text: float) -> Fused:
    """Both branches in one answer.

    voice, text  (L,) probabilities of one set of labels; zeros are allowed
    prior        (L,) p(e) where the text branch was trained; a label at 0 there is one that text says nothing of
    weight_text  w, from 0

    Raises ValueError for other shapes, a negative or unbounded weight, and scores that are no probabilities.
    """
    heard, said, before = (np.asarray(given, np.float64) for given in (voice, text, prior))
    if heard.ndim != 1 or not heard.shape == said.shape == before.shape or not heard.size:
        raise ValueError(
            f"voice, text and prior must be of one length; got {heard.shape}, {said.shape}, {before.shape}"
        )
    for name, given in (("voice", heard), ("text", said), ("prior", before)):
        if not np.isfinite(given).all() or (given < 0).any() or not given.sum() > 0:
            raise ValueError(f"{name}: probabilities are finite, none negative and not all zero; got {given.tolist()}")
    if not 0 <= weight_text < np.inf:
        raise ValueError(f"weight_text must be a number from 0; got {weight_text}")
    moved = weight_text * np.where(before > 0, _log(said / said.sum()) - _log(before / before.sum()), 0.0)
    scores = heard * np.exp(moved - moved.max())
    if not scores.sum() > 0:  # the voice's only labels are those that the words push below the smallest number
        scores = heard
    evidence_text = float(moved.std())
    evidence_audio = float(_log(heard / heard.sum()).std())
    everything = evidence_audio + evidence_text
    share = evidence_text / everything if everything > 0 else 0.0
    return Fused((scores / scores.sum()).astype(np.float32), 1.0 - share, share)


def _log(probabilities: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(np.log(np.maximum(probabilities, SMALLEST)), np.float64)
