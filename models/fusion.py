"""Late fusion of the voice's and the words' scores, for two branches that were trained separately.

If voice and words are independent given the emotion e, Bayes' rule gives

    p(e | voice, text)  is proportional to  p(e | voice) p(e | text)^w / p(e)^w

with w = 1 and calibrated branches (Kittler et al. 1998, "On combining classifiers", equation 8, the product rule). A
weight w below 1 trusts the text less, and 0 ignores it. Each of the two conditionals contains the label prior of its
corpus once; dividing by the text's prior removes it from the text.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float32]

SMALLEST = 1e-6  # lower probabilities count as this one, so that no branch can exclude a label


@dataclass(frozen=True)
class Fused:
    """The scores of both branches together.

    scores       (L,) probabilities, sum 1
    share_audio  how much of the evidence came from the voice, share_text from the words: sum 1. The evidence of a
                 branch is the standard deviation, over the labels, of the log-factor that it multiplies the scores
                 with. Where neither branch has any, share_audio is 1
    """

    scores: Scores
    share_audio: float
    share_text: float


def fuse(voice: npt.ArrayLike, text: npt.ArrayLike, prior: npt.ArrayLike, weight_text: float) -> Fused:
    """Fuse the scores of both branches.

    voice, text  (L,) probabilities of one set of labels; zeros are allowed
    prior        (L,) p(e) in the text branch's training data; 0 for a label that the text branch does not know
    weight_text  w, from 0

    Raises ValueError for other shapes, a negative or unbounded weight, and scores that are no probabilities.
    """
    voice_p, text_p, prior_p = (np.asarray(given, np.float64) for given in (voice, text, prior))
    if voice_p.ndim != 1 or not voice_p.shape == text_p.shape == prior_p.shape or not voice_p.size:
        raise ValueError(
            f"voice, text and prior must be of one length; got {voice_p.shape}, {text_p.shape}, {prior_p.shape}"
        )
    for name, given in (("voice", voice_p), ("text", text_p), ("prior", prior_p)):
        if not np.isfinite(given).all() or (given < 0).any() or not given.sum() > 0:
            raise ValueError(f"{name}: probabilities are finite, none negative and not all zero; got {given.tolist()}")
    if not 0 <= weight_text < np.inf:
        raise ValueError(f"weight_text must be a number from 0; got {weight_text}")
    moved = weight_text * np.where(prior_p > 0, _log(text_p / text_p.sum()) - _log(prior_p / prior_p.sum()), 0.0)
    scores = voice_p * np.exp(moved - moved.max())
    if not scores.sum() > 0:  # underflow: the words all but exclude the only labels that the voice allows
        scores = voice_p
    share = _share(float(_log(voice_p / voice_p.sum()).std()), float(moved.std()))
    return Fused((scores / scores.sum()).astype(np.float32), 1.0 - share, share)


def share_of_text(voice: npt.ArrayLike, both: npt.ArrayLike) -> float:
    """How much of the evidence came from the words, for a model that reads voice and words itself.

    As in `Fused`: what the words multiply the scores with is the answer of both over that of the voice alone.

    voice, both  (L,) probabilities of one set of labels
    """
    alone = _log(voice)
    return _share(float(alone.std()), float((_log(both) - alone).std()))


def share_of_text_in_dimensions(voice: npt.ArrayLike, both: npt.ArrayLike) -> float:
    """The same for dimensions (D,) around 0: the length of what the words add, beside that of the voice's answer."""
    alone = np.asarray(voice, np.float64)
    return _share(float(np.linalg.norm(alone)), float(np.linalg.norm(np.asarray(both, np.float64) - alone)))


def _share(audio: float, text: float) -> float:
    return text / (audio + text) if audio + text > 0 else 0.0


def _log(probabilities: npt.ArrayLike) -> npt.NDArray[np.float64]:
    return np.asarray(np.log(np.maximum(np.asarray(probabilities, np.float64), SMALLEST)), np.float64)
