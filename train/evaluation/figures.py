"""All metrics of a set of clips under one condition."""

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from ..corpora import Clip
from .calibration_inputs import Interval, ModelPredictions, agreement, thresholds, uncalibrated, without_calibration
from .confidence import Bin, calibration_error, chance_error, reliability
from .intervals import one_hot, resample
from .predictions import SECONDS, answers_after, final_answers, readings_at
from .protocols import Protocol, apply_protocol
from .scores import (
    Array,
    Probabilities,
    Truth,
    answers,
    confusion,
    macro_f1_of,
    recalls,
    uar_of,
    wa_of,
    weighted_f1_of,
)

RATES: dict[str, Callable[[Array], Array]] = {
    "uar": uar_of,
    "wa": wa_of,
    "macro_f1": macro_f1_of,
    "weighted_f1": weighted_f1_of,
}


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """The metrics of a subset of the clips: one gender, language or fold."""

    n: int
    uar: float
    wa: float


class After(msgspec.Struct, frozen=True, kw_only=True):
    """The metrics after so many seconds of a clip's speech (None: all of it). Clips without a prediction are wrong.

    heard   share of clips that have a prediction by then
    unsure  share of these whose reading is `unsure`
    """

    seconds: float | None
    uar: float
    wa: float
    heard: float
    unsure: float


class Calibrated(msgspec.Struct, frozen=True, kw_only=True):
    """Calibration error of readings made after so many seconds of an utterance (None: finals).

    ece         as calibrated; ece_before: without temperature
    ece_chance  the mean error of a perfectly calibrated model on as many readings
    """

    seconds: float | None
    n: int
    ece: float
    ece_before: float
    ece_chance: float


class Unsure(msgspec.Struct, frozen=True, kw_only=True):
    """The share of clips answered `unsure`, and accuracy and UAR of the others; None where there are none."""

    said: float
    accuracy_otherwise: float | None
    uar_otherwise: float | None


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """The metrics of one condition. Rates are of the class with the best score, `unsure` or not.

    ci95        of `uar`; `intervals` holds the others; `ci95_by` names what was resampled, speakers or clips
    ece         of the clips' answers over the protocol's classes; `ece_all_labels` over all labels of the model
    silent      share of clips without a prediction; they count as wrong
    outside     share of answers whose best label is not in the protocol
    confusion   true class by answer; the last column: no prediction
    absent      classes of the protocol without a clip; they are left out of the means
    ccc         by dimension, with intervals in `ccc_ci95`; empty where the corpus has no ratings
    """

    n: int
    uar: float
    wa: float
    macro_f1: float
    weighted_f1: float
    ci95: Interval
    ci95_by: str
    ece: float
    ece_before: float
    ece_chance: float
    ece_all_labels: float
    ccc: dict[str, float]
    ccc_ci95: dict[str, Interval]
    intervals: dict[str, Interval]
    unsure: Unsure
    silent: float
    outside: float
    classes: list[str]
    absent: list[str]
    recall: dict[str, float]
    confusion: list[list[int]]
    by_seconds: list[After]
    calibration: list[Calibrated]
    reliability: list[tuple[int, float, float]]
    by_gender: dict[str, Group]
    by_language: dict[str, Group]


def count(
    by_model: Sequence[ModelPredictions], protocol: Protocol, seconds: Sequence[float] = SECONDS, seed: int = 0
) -> Figures:
    """The metrics over the clips of all models. Every clip's label must be a class of the protocol.

    seconds  after which readings are compared, besides the finals
    """
    labels = by_model[0].model.labels
    predictions = [h for part in by_model for h in part.clips]
    clips = [h.clip for h in predictions]
    scores = final_answers(predictions, len(labels))
    counted, truth = apply_protocol(labels, scores, [clip.label for clip in clips], protocol)
    answered, classes = answers(counted), len(protocol.classes)
    drawn = resample([clip.speaker for clip in clips], truth, seed)
    per_clip = one_hot(answered, truth, classes)
    matrix = per_clip.sum(0)
    rates = {name: float(rate(matrix)) for name, rate in RATES.items()}
    intervals = {name: drawn.interval(rate, per_clip) for name, rate in RATES.items()}
    has_answer = scores.sum(1) > 0
    raw, _ = apply_protocol(labels, uncalibrated(by_model), [clip.label for clip in clips], protocol)
    ccc, ccc_ci95 = agreement(predictions, by_model[0].model.dimensions, seed)
    inside = np.array([protocol.read(label) in protocol.classes for label in labels])
    found = recalls(matrix)
    return Figures(
        n=len(clips),
        **rates,
        ci95=intervals["uar"],
        ci95_by=drawn.by,
        intervals=intervals,
        ece=_error(counted, truth, has_answer),
        ece_before=_error(raw, truth, has_answer),
        ece_chance=chance_error(counted[has_answer], seed) if has_answer.any() else 0.0,
        ece_all_labels=_error(*_all_labels(labels, scores, clips, protocol), has_answer),
        ccc=ccc,
        ccc_ci95=ccc_ci95,
        unsure=_unsure(by_model, scores, answered, truth, classes),
        silent=float(1 - has_answer.mean()),
        outside=float((~inside[scores[has_answer].argmax(1)]).mean()) if has_answer.any() else 0.0,
        classes=list(protocol.classes),
        absent=[name for name, share in zip(protocol.classes, found, strict=True) if np.isnan(share)],
        recall={n: float(share) for n, share in zip(protocol.classes, found, strict=True) if not np.isnan(share)},
        confusion=matrix.astype(int).tolist(),
        by_seconds=[_after(by_model, s, protocol, clips) for s in (*seconds, None)],
        calibration=_buckets(by_model, protocol, seconds, seed),
        reliability=[(b.n, b.confidence, b.accuracy) for b in _bins(counted, truth, has_answer)],
        by_gender=_groups([clip.gender for clip in clips], answered, truth, classes),
        by_language=_groups([clip.language for clip in clips], answered, truth, classes),
    )


def group(answered: Truth, truth: Truth, classes: int) -> Group:
    """The metrics of a subset of the clips."""
    matrix = confusion(answered, truth, classes)
    return Group(n=len(truth), uar=float(uar_of(matrix)), wa=float(wa_of(matrix)))


def _groups(names: Sequence[str], answered: Truth, truth: Truth, classes: int) -> dict[str, Group]:
    found = {}
    for name in sorted(set(names) - {""}):
        rows = np.array([other == name for other in names])
        found[name] = group(answered[rows], truth[rows], classes)
    return found


def _error(scores: Probabilities, truth: Truth, has_answer: npt.NDArray[np.bool_]) -> float:
    return calibration_error(scores[has_answer], truth[has_answer]) if has_answer.any() else 0.0


def _bins(scores: Probabilities, truth: Truth, has_answer: npt.NDArray[np.bool_]) -> list[Bin]:
    return reliability(scores[has_answer], truth[has_answer]) if has_answer.any() else []


def _all_labels(
    labels: Sequence[str], scores: Probabilities, clips: Sequence[Clip], protocol: Protocol
) -> tuple[Probabilities, Truth]:
    """Scores and truth over every label that the model has, merged as the protocol merges but not restricted."""
    every = tuple(dict.fromkeys(protocol.read(name) for name in (*labels, *protocol.classes)))
    return apply_protocol(labels, scores, [clip.label for clip in clips], Protocol("all", every, protocol.merged))


def _unsure(
    by_model: Sequence[ModelPredictions], scores: Probabilities, answered: Truth, truth: Truth, classes: int
) -> Unsure:
    """A clip is `unsure` when its answer's confidence, over all labels, is below the threshold of the model's card."""
    below = thresholds(by_model)
    has_answer = scores.sum(1) > 0
    unsure = has_answer & (scores.max(1) < below)
    sure = has_answer & ~unsure
    matrix = confusion(answered[sure], truth[sure], classes)
    return Unsure(
        said=float(unsure.mean()),
        accuracy_otherwise=float(wa_of(matrix)) if sure.any() else None,
        uar_otherwise=float(uar_of(matrix)) if sure.any() else None,
    )


def _after(
    by_model: Sequence[ModelPredictions], seconds: float | None, protocol: Protocol, clips: Sequence[Clip]
) -> After:
    labels = by_model[0].model.labels
    predictions = [h for part in by_model for h in part.clips]
    scores = (
        final_answers(predictions, len(labels)) if seconds is None else answers_after(predictions, seconds, len(labels))
    )
    counted, truth = apply_protocol(labels, scores, [clip.label for clip in clips], protocol)
    matrix = confusion(answers(counted), truth, len(protocol.classes))
    has_answer = scores.sum(1) > 0
    unsure = scores[has_answer].max(1) < thresholds(by_model)[has_answer] if has_answer.any() else np.zeros(1)
    return After(
        seconds=seconds,
        uar=float(uar_of(matrix)),
        wa=float(wa_of(matrix)),
        heard=float(has_answer.mean()),
        unsure=float(unsure.mean()),
    )


def _buckets(
    by_model: Sequence[ModelPredictions], protocol: Protocol, times: Sequence[float], seed: int
) -> list[Calibrated]:
    """Calibration of readings of utterances, not of clips: the temperature depends on the seconds of an utterance."""
    found = []
    labels = by_model[0].model.labels
    for seconds in (*times, None):
        scores, raw_scores, truth_names = [], [], []
        for part in by_model:
            readings, clips = readings_at(part.clips, seconds)
            scores += [np.array(reading.scores) for reading in readings]
            raw_scores += [without_calibration(reading, part.model.calibration) for reading in readings]
            truth_names += [clip.label for clip in clips]
        if not scores:
            continue
        calibrated, truth = apply_protocol(labels, np.stack(scores), truth_names, protocol)
        raw, _ = apply_protocol(labels, np.stack(raw_scores), truth_names, protocol)
        found.append(
            Calibrated(
                seconds=seconds,
                n=len(truth),
                ece=calibration_error(calibrated, truth),
                ece_before=calibration_error(raw, truth),
                ece_chance=chance_error(calibrated, seed),
            )
        )
    return found
