"""What was said about one clip, and the one answer that it comes to."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..corpora import Clip
from .scores import Probabilities

SECONDS = (0.5, 1.0, 1.5, 2.0, 3.0)
"""Seconds of speech after which readings are compared."""
SLACK_S = 0.041  # a reading's end is rounded down to the encoder's frame


@dataclass(frozen=True)
class Said:
    """One reading, after `seconds` of its utterance: probabilities of the model's labels, and its dimensions."""

    seconds: float
    scores: tuple[float, ...]
    dimensions: tuple[float, ...] = ()


@dataclass(frozen=True)
class Spoken:
    """One utterance: its final, and the interims before it."""

    final: Said
    interims: tuple[Said, ...] = ()


@dataclass(frozen=True)
class Heard:
    """A clip and its utterances in order; none where no voice was heard."""

    clip: Clip
    utterances: tuple[Spoken, ...]


Final = tuple[float, Sequence[float]]
"""Seconds of speech and the probability of each label."""


def clip_answer(finals: Sequence[Final], labels: int) -> Probabilities:
    """Probabilities (L,) of a clip: the mean of its finals' log-probabilities, each weighted by its seconds.

    Zeros where no final came: such a clip counts as wrong.
    """
    if not finals:
        return np.zeros(labels)
    logs = np.log(np.array([scores for _, scores in finals], np.float64).clip(1e-9))
    mean = np.average(logs, axis=0, weights=[max(seconds, 1e-3) for seconds, _ in finals])
    scores = np.exp(mean - mean.max())
    return np.asarray(scores / scores.sum(), np.float64)


def final_answers(heard: Sequence[Heard], labels: int) -> Probabilities:
    """(N, L) what each clip came to."""
    return np.stack([clip_answer([(u.final.seconds, u.final.scores) for u in h.utterances], labels) for h in heard])


def answers_after(heard: Sequence[Heard], seconds: float, labels: int) -> Probabilities:
    """(N, L) what was known of each clip after so many seconds of its speech.

    Utterances that were over by then count by their finals, the one being spoken by its latest reading. Zeros where
    nothing had been said yet.
    """
    return np.stack([clip_answer([(r.seconds, r.scores) for r in readings_by(h, seconds)], labels) for h in heard])


def readings_by(heard: Heard, seconds: float) -> list[Said]:
    """The readings that stand after `seconds` of a clip's speech."""
    left, found = seconds, []
    for utterance in heard.utterances:
        if utterance.final.seconds <= left + SLACK_S:
            found.append(utterance.final)
            left -= utterance.final.seconds
            continue
        made = [said for said in utterance.interims if said.seconds <= left + SLACK_S]
        return [*found, made[-1]] if made else found
    return found


def readings_at(heard: Sequence[Heard], seconds: float | None) -> tuple[list[Said], list[Clip]]:
    """Every reading made after about `seconds` of an utterance (finals: None), and the clip that it is about."""
    readings: list[Said] = []
    clips: list[Clip] = []
    for h in heard:
        for utterance in h.utterances:
            some = (
                [utterance.final]
                if seconds is None
                else [said for said in utterance.interims if -SLACK_S < said.seconds - seconds < 1e-6]
            )
            readings += some
            clips += [h.clip] * len(some)
    return readings, clips


def dimensions_of(heard: Heard) -> tuple[float, ...] | None:
    """The mean of the finals' dimensions, weighted by seconds; None where nothing was said."""
    finals = [u.final for u in heard.utterances if u.final.dimensions]
    if not finals:
        return None
    weights = [max(said.seconds, 1e-3) for said in finals]
    return tuple(np.average([said.dimensions for said in finals], axis=0, weights=weights).tolist())
