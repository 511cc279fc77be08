"""Everything that is counted about a set of clips under one condition."""

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from ..corpora import Clip
from .calibration_inputs import Evidence, Interval, agreement, before, thresholds, uncalibrated
from .confidence import Bin, calibration_error, chance_error, reliability
from .intervals import one_hot, resample
from .predictions import SECONDS, answers_after, final_answers, readings_at
from .protocols import Protocol, judge
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
    """Some of the clips: of one gender, language, fold."""

    n: int
    uar: float
    wa: float


class After(msgspec.Struct, frozen=True, kw_only=True):
    """After so many seconds of a clip's speech (None: all of it). A clip of which nothing was said yet is wrong.

    heard   share of clips of which something had been said
    unsure  of these, the share whose reading was `unsure`
    """

    seconds: float | None
    uar: float
    wa: float
    heard: float
    unsure: float


class Calibrated(msgspec.Struct, frozen=True, kw_only=True):
    """Calibration error of readings made after so many seconds of an utterance (None: finals).

    ece         as calibrated; ece_before: without temperature
    ece_chance  what perfect calibration would show on as few readings
    """

    seconds: float | None
    n: int
    ece: float
    ece_before: float
    ece_chance: float


class Unsure(msgspec.Struct, frozen=True, kw_only=True):
    """How often the answer was `unsure`, and how right the others were; None where there are none."""

    said: float
    accuracy_otherwise: float | None
    uar_otherwise: float | None


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """One table. Rates are of the best score, `unsure` or not.

    ci95        of `uar`; `intervals` holds the others'; `ci95_by` says what was resampled, speakers or clips
    ece         of the clips' answers over the protocol's classes; `ece_all_labels` over all that the model can say
    silent      share of clips about which nothing was said; they count as wrong
    outside     share of answers whose best label is none of the protocol's
    confusion   true class by answer; the last column: nothing said
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
    evidence: Sequence[Evidence], protocol: Protocol, seconds: Sequence[float] = SECONDS, seed: int = 0
) -> Figures:
    """The figures of all evidence pooled. Every clip's label must be one that the protocol reads.

    seconds  after which readings are compared, besides the finals
    """
    labels = evidence[0].model.labels
    heard = [h for part in evidence for h in part.heard]
    clips = [h.clip for h in heard]
    scores = final_answers(heard, len(labels))
    said, truth = judge(labels, scores, [clip.label for clip in clips], protocol)
    answered, classes = answers(said), len(protocol.classes)
    drawn = resample([clip.speaker for clip in clips], truth, seed)
    per_clip = one_hot(answered, truth, classes)
    matrix = per_clip.sum(0)
    rates = {name: float(rate(matrix)) for name, rate in RATES.items()}
    intervals = {name: drawn.interval(rate, per_clip) for name, rate in RATES.items()}
    spoke = scores.sum(1) > 0
    raw, _ = judge(labels, uncalibrated(evidence), [clip.label for clip in clips], protocol)
    ccc, ccc_ci95 = agreement(heard, evidence[0].model.dimensions, seed)
    inside = np.array([protocol.read(label) in protocol.classes for label in labels])
    found = recalls(matrix)
    return Figures(
        n=len(clips),
        **rates,
        ci95=intervals["uar"],
        ci95_by=drawn.by,
        intervals=intervals,
        ece=_error(said, truth, spoke),
        ece_before=_error(raw, truth, spoke),
        ece_chance=chance_error(said[spoke], seed) if spoke.any() else 0.0,
        ece_all_labels=_error(*_all_labels(labels, scores, clips, protocol), spoke),
        ccc=ccc,
        ccc_ci95=ccc_ci95,
        unsure=_unsure(evidence, scores, answered, truth, classes),
        silent=float(1 - spoke.mean()),
        outside=float((~inside[scores[spoke].argmax(1)]).mean()) if spoke.any() else 0.0,
        classes=list(protocol.classes),
        absent=[name for name, share in zip(protocol.classes, found, strict=True) if np.isnan(share)],
        recall={n: float(share) for n, share in zip(protocol.classes, found, strict=True) if not np.isnan(share)},
        confusion=matrix.astype(int).tolist(),
        by_seconds=[_after(evidence, s, protocol, clips) for s in (*seconds, None)],
        calibration=_buckets(evidence, protocol, seconds, seed),
        reliability=[(b.n, b.confidence, b.accuracy) for b in _bins(said, truth, spoke)],
        by_gender=_groups([clip.gender for clip in clips], answered, truth, classes),
        by_language=_groups([clip.language for clip in clips], answered, truth, classes),
    )


def group(answered: Truth, truth: Truth, classes: int) -> Group:
    """Figures of some clips."""
    matrix = confusion(answered, truth, classes)
    return Group(n=len(truth), uar=float(uar_of(matrix)), wa=float(wa_of(matrix)))


def _groups(names: Sequence[str], answered: Truth, truth: Truth, classes: int) -> dict[str, Group]:
    found = {}
    for name in sorted(set(names) - {""}):
        rows = np.array([other == name for other in names])
        found[name] = group(answered[rows], truth[rows], classes)
    return found


def _error(scores: Probabilities, truth: Truth, spoke: npt.NDArray[np.bool_]) -> float:
    return calibration_error(scores[spoke], truth[spoke]) if spoke.any() else 0.0


def _bins(scores: Probabilities, truth: Truth, spoke: npt.NDArray[np.bool_]) -> list[Bin]:
    return reliability(scores[spoke], truth[spoke]) if spoke.any() else []


def _all_labels(
    labels: Sequence[str], scores: Probabilities, clips: Sequence[Clip], protocol: Protocol
) -> tuple[Probabilities, Truth]:
    """Scores and truth over every label that the model has, merged as the protocol merges but not restricted."""
    every = tuple(dict.fromkeys(protocol.read(name) for name in (*labels, *protocol.classes)))
    return judge(labels, scores, [clip.label for clip in clips], Protocol("all", every, protocol.merged))


def _unsure(evidence: Sequence[Evidence], scores: Probabilities, answered: Truth, truth: Truth, classes: int) -> Unsure:
    """A clip is `unsure` when its answer's confidence, over all labels, is below what the model's card asks for."""
    below = thresholds(evidence)
    spoke = scores.sum(1) > 0
    unsure = spoke & (scores.max(1) < below)
    sure = spoke & ~unsure
    matrix = confusion(answered[sure], truth[sure], classes)
    return Unsure(
        said=float(unsure.mean()),
        accuracy_otherwise=float(wa_of(matrix)) if sure.any() else None,
        uar_otherwise=float(uar_of(matrix)) if sure.any() else None,
    )


def _after(evidence: Sequence[Evidence], seconds: float | None, protocol: Protocol, clips: Sequence[Clip]) -> After:
    labels = evidence[0].model.labels
    heard = [h for part in evidence for h in part.heard]
    scores = final_answers(heard, len(labels)) if seconds is None else answers_after(heard, seconds, len(labels))
    said, truth = judge(labels, scores, [clip.label for clip in clips], protocol)
    matrix = confusion(answers(said), truth, len(protocol.classes))
    spoke = scores.sum(1) > 0
    unsure = scores[spoke].max(1) < thresholds(evidence)[spoke] if spoke.any() else np.zeros(1)
    return After(
        seconds=seconds,
        uar=float(uar_of(matrix)),
        wa=float(wa_of(matrix)),
        heard=float(spoke.mean()),
        unsure=float(unsure.mean()),
    )


def _buckets(evidence: Sequence[Evidence], protocol: Protocol, times: Sequence[float], seed: int) -> list[Calibrated]:
    """Readings of utterances, not of clips: the temperature is by the seconds of an utterance."""
    found = []
    labels = evidence[0].model.labels
    for seconds in (*times, None):
        after, raw_scores, truth_names = [], [], []
        for part in evidence:
            readings, clips = readings_at(part.heard, seconds)
            after += [np.array(said.scores) for said in readings]
            raw_scores += [before(said, part.model.calibration) for said in readings]
            truth_names += [clip.label for clip in clips]
        if not after:
            continue
        calibrated, truth = judge(labels, np.stack(after), truth_names, protocol)
        raw, _ = judge(labels, np.stack(raw_scores), truth_names, protocol)
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
