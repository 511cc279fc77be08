"""Predictions for readings, utterances and clips, and the one answer for a clip."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..corpora import Clip
from .scores import Probabilities

SECONDS = (0.5, 1.0, 1.5, 2.0, 3.0)
"""Seconds of speech after which readings are scored."""
SLACK_S = 0.041  # a reading's end is rounded down to the encoder's frame


@dataclass(frozen=True)
class Prediction:
    """One reading, after `seconds` of its utterance: probabilities of the model's labels, and its dimensions."""

    seconds: float
    scores: tuple[float, ...]
    dimensions: tuple[float, ...] = ()


@dataclass(frozen=True)
class UtterancePredictions:
    """The readings of one utterance: its final, and the interims before it."""

    final: Prediction
    interims: tuple[Prediction, ...] = ()


@dataclass(frozen=True)
class ClipPredictions:
    """A clip and the readings of its utterances in order; none where no speech was detected."""

    clip: Clip
    utterances: tuple[UtterancePredictions, ...]


Final = tuple[float, Sequence[float]]
"""Seconds of speech and the probability of each label."""


def clip_answer(finals: Sequence[Final], labels: int) -> Probabilities:
    """Probabilities (L,) of a clip: the mean of its finals' log-probabilities, each weighted by its seconds.

    Zeros without a final: such a clip counts as wrong.
    """
    if not finals:
        return np.zeros(labels)
    logs = np.log(np.array([scores for _, scores in finals], np.float64).clip(1e-9))
    mean = np.average(logs, axis=0, weights=[max(seconds, 1e-3) for seconds, _ in finals])
    scores = np.exp(mean - mean.max())
    return np.asarray(scores / scores.sum(), np.float64)


def final_answers(predictions: Sequence[ClipPredictions], labels: int) -> Probabilities:
    """(N, L) the answer for each clip."""
    return np.stack(
        [clip_answer([(u.final.seconds, u.final.scores) for u in h.utterances], labels) for h in predictions]
    )


def answers_after(predictions: Sequence[ClipPredictions], seconds: float, labels: int) -> Probabilities:
    """(N, L) the answer for each clip after so many seconds of its speech.

    Utterances that have ended by then count with their finals, the current one with its latest interim. Zeros without a
    reading.
    """
    return np.stack(
        [clip_answer([(r.seconds, r.scores) for r in readings_by(h, seconds)], labels) for h in predictions]
    )


def readings_by(clip: ClipPredictions, seconds: float) -> list[Prediction]:
    """The latest reading of each utterance after `seconds` of a clip's speech."""
    left, found = seconds, []
    for utterance in clip.utterances:
        if utterance.final.seconds <= left + SLACK_S:
            found.append(utterance.final)
            left -= utterance.final.seconds
            continue
        made = [reading for reading in utterance.interims if reading.seconds <= left + SLACK_S]
        return [*found, made[-1]] if made else found
    return found


def readings_at(predictions: Sequence[ClipPredictions], seconds: float | None) -> tuple[list[Prediction], list[Clip]]:
    """Every reading after about `seconds` of an utterance (None: the finals), and the clip of each."""
    readings: list[Prediction] = []
    clips: list[Clip] = []
    for h in predictions:
        for utterance in h.utterances:
            some = (
                [utterance.final]
                if seconds is None
                else [reading for reading in utterance.interims if -SLACK_S < reading.seconds - seconds < 1e-6]
            )
            readings += some
            clips += [h.clip] * len(some)
    return readings, clips


def dimensions_of(clip: ClipPredictions) -> tuple[float, ...] | None:
    """The mean of the finals' dimensions, weighted by seconds; None without a final."""
    finals = [u.final for u in clip.utterances if u.final.dimensions]
    if not finals:
        return None
    weights = [max(reading.seconds, 1e-3) for reading in finals]
    return tuple(np.average([reading.dimensions for reading in finals], axis=0, weights=weights).tolist())
