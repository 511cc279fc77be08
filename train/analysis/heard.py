"""How right a model is by the seconds of speech that it has heard."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..evaluation.calibration_inputs import ModelPredictions, thresholds
from ..evaluation.intervals import one_hot, resample
from ..evaluation.predictions import answers_after, final_answers
from ..evaluation.protocols import Protocol, apply_protocol
from ..evaluation.scores import answers, uar_of, wa_of

Interval = tuple[float, float]


@dataclass(frozen=True)
class Heard:
    """After `seconds` of a clip's speech (None: all of it). A clip without a reading by then counts as wrong.

    heard   share of the clips that have a reading
    unsure  share of these that say `unsure`
    """

    seconds: float | None
    uar: float
    uar_ci95: Interval
    accuracy: float
    accuracy_ci95: Interval
    heard: float
    unsure: float


def by_seconds(by_model: Sequence[ModelPredictions], protocol: Protocol, times: Sequence[float]) -> list[Heard]:
    """The figures at each time and at the end, over the clips of all models, as `emoscope evaluate` counts them."""
    labels = by_model[0].model.labels
    predictions = [one for part in by_model for one in part.clips]
    names = [one.clip.label for one in predictions]
    below = thresholds(by_model)
    found = []
    for seconds in (*times, None):
        scores = (
            final_answers(predictions, len(labels))
            if seconds is None
            else answers_after(predictions, seconds, len(labels))
        )
        counted, truth = apply_protocol(labels, scores, names, protocol)
        each = one_hot(answers(counted), truth, len(protocol.classes))
        drawn = resample([one.clip.speaker for one in predictions], truth)
        total, has_answer = each.sum(0), scores.sum(1) > 0
        unsure = scores[has_answer].max(1) < below[has_answer] if has_answer.any() else np.zeros(1)
        found.append(
            Heard(
                seconds,
                float(uar_of(total)),
                drawn.interval(uar_of, each),
                float(wa_of(total)),
                drawn.interval(wa_of, each),
                float(has_answer.mean()),
                float(np.mean(unsure)),
            )
        )
    return found
