"""What to expect on new voices: scores of held-out clips with intervals, and how well confidence is meant."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import torch

from emoscope.models.cards import Score
from emoscope.models.reading import Calibration

from ..acted.calibrate import HeldOutLogits, probabilities
from ..acted.utterances import Utterance
from ..corpora import Clip
from ..evaluation.confidence import calibration_error
from ..evaluation.intervals import one_hot, resample
from ..evaluation.predictions import clip_answer
from ..evaluation.scores import Probabilities, answers, ccc, recalls, uar_of, wa_of, weighted_f1_of

Interval = tuple[float, float]


@dataclass(frozen=True)
class HeldOut:
    """Logits of held-out utterances, whole or beginnings, beside the frames' seconds."""

    utterances: Sequence[Utterance]
    logits: torch.Tensor
    dimensions: torch.Tensor
    frame_s: float

    def for_calibration(self, labels: Sequence[str]) -> HeldOutLogits:
        """The same for `fit_calibration`, every reading as important."""
        return HeldOutLogits(
            self.logits.double().numpy(),
            np.array([labels.index(u.clip.label) for u in self.utterances]),
            np.array([u.frames * self.frame_s for u in self.utterances]),
            np.ones(len(self.utterances)),
        )


class LabelReport(msgspec.Struct, frozen=True, kw_only=True):
    """One label: its clips, the share that is found, with its interval, and what the others are taken for."""

    clips: int
    recall: float
    ci95: Interval
    taken_for: dict[str, int]


class HeadReport(msgspec.Struct, frozen=True, kw_only=True):
    """The scores of one side.

    by        what was held out: "speaker", or "clip"; ci95_by: what the intervals resample
    chance    UAR of guessing
    ece       calibration error, each fold calibrated on the others; ece_before: without calibration
    unsure    share of clips whose answer is `unsure`; accuracy_otherwise: accuracy of the others
    ccc       of each dimension
    confusion true label by answer; the last column: no answer
    """

    side: str
    by: str
    ci95_by: str
    n: int
    speakers: int
    labels: list[str]
    chance: float
    uar: float
    uar_ci95: Interval
    accuracy: float
    accuracy_ci95: Interval
    weighted_f1: float
    ece: float
    ece_before: float
    unsure: float
    accuracy_otherwise: float | None
    by_label: dict[str, LabelReport]
    ccc: dict[str, float]
    confusion: list[list[int]]


@dataclass(frozen=True)
class Answered:
    """Answers for clips (N, L), calibrated and raw, and where the calibrated one is `unsure`."""

    clips: Sequence[Clip]
    scores: Probabilities
    raw: Probabilities
    unsure: np.ndarray
    dimensions: np.ndarray


def answered(held_out: HeldOut, calibration: Calibration, labels: Sequence[str]) -> Answered:
    """One answer a clip from its whole utterances, as `emoscope evaluate` gives it."""
    logits = held_out.for_calibration(labels)
    calibrated, raw = probabilities(logits, calibration), probabilities(logits, Calibration())
    rows: dict[str, list[int]] = {}
    for i, utterance in enumerate(held_out.utterances):
        rows.setdefault(utterance.clip.name, []).append(i)
    clips = [held_out.utterances[own[0]].clip for own in rows.values()]

    def of(scores: Probabilities) -> Probabilities:
        return np.stack([clip_answer([(logits.seconds[i], scores[i].tolist()) for i in own], len(labels))
                         for own in rows.values()])  # fmt: skip

    scores = of(calibrated)
    dimensions = np.stack([held_out.dimensions[own].mean(0).numpy() for own in rows.values()])
    return Answered(clips, scores, of(raw), scores.max(1) < calibration.unsure_below, dimensions)


def joined(parts: Sequence[Answered]) -> Answered:
    """The answers of several folds."""
    return Answered(
        [clip for part in parts for clip in part.clips],
        scores=np.concatenate([part.scores for part in parts]),
        raw=np.concatenate([part.raw for part in parts]),
        unsure=np.concatenate([part.unsure for part in parts]),
        dimensions=np.concatenate([part.dimensions for part in parts]),
    )


def report_of(made: Answered, labels: Sequence[str], dimensions: Sequence[str], side: str, by: str) -> HeadReport:
    """The scores of a side."""
    truth = np.array([labels.index(clip.label) for clip in made.clips])
    said = answers(made.scores)
    per_clip = one_hot(said, truth, len(labels))
    matrix = per_clip.sum(0)
    speakers = [clip.speaker or clip.name for clip in made.clips]
    drawn = resample(speakers, truth)
    sure, found = ~made.unsure, recalls(matrix)
    per_label = {}
    for i, label in enumerate(labels):
        if not matrix[i].sum():
            continue
        low, high = drawn.interval(lambda counts, i=i: recalls(counts)[..., i], per_clip)  # type: ignore[misc]
        others = {labels[j]: int(matrix[i, j]) for j in np.argsort(-matrix[i, :-1]) if j != i and matrix[i, j]}
        per_label[label] = LabelReport(
            clips=int(matrix[i].sum()),
            recall=round(float(found[i]), 4),
            ci95=(round(low, 4), round(high, 4)),
            taken_for=others,
        )
    return HeadReport(
        side=side,
        by=by,
        ci95_by=drawn.by,
        n=len(truth),
        speakers=len({clip.speaker for clip in made.clips} - {""}),
        labels=list(labels),
        chance=round(1 / len(per_label), 4),
        uar=round(float(uar_of(matrix)), 4),
        uar_ci95=_rounded(drawn.interval(uar_of, per_clip)),
        accuracy=round(float(wa_of(matrix)), 4),
        accuracy_ci95=_rounded(drawn.interval(wa_of, per_clip)),
        weighted_f1=round(float(weighted_f1_of(matrix)), 4),
        ece=round(calibration_error(made.scores, truth), 4),
        ece_before=round(calibration_error(made.raw, truth), 4),
        unsure=round(float(made.unsure.mean()), 4),
        accuracy_otherwise=round(float((said == truth)[sure].mean()), 4) if sure.any() else None,
        by_label=per_label,
        ccc=_agreement(made, dimensions),
        confusion=matrix.astype(int).tolist(),
    )


def _rounded(pair: Interval) -> Interval:
    return round(pair[0], 4), round(pair[1], 4)


def _agreement(made: Answered, dimensions: Sequence[str]) -> dict[str, float]:
    if not dimensions:
        return {}
    rated = np.array([clip.dimensions for clip in made.clips])
    return {name: round(ccc(made.dimensions[:, i], rated[:, i]), 4) for i, name in enumerate(dimensions)}


def lines(report: HeadReport) -> list[str]:
    """The report in a few lines."""
    who = f"{report.speakers} speakers, " if report.by == "speaker" else ""
    (low, high), (worst, best) = report.uar_ci95, report.accuracy_ci95
    told = [
        f"{report.side}: {report.n} clips, {who}each held out once"
        if report.side != "test"
        else f"test: {report.n} clips, {who}never trained on",
        f"  UAR {report.uar:.3f} ({low:.3f} to {high:.3f}, by {report.ci95_by}), by chance {report.chance:.3f}; "
        f"accuracy {report.accuracy:.3f} ({worst:.3f} to {best:.3f})",
    ]
    right = "" if report.accuracy_otherwise is None else f", otherwise {report.accuracy_otherwise:.3f} are right"
    told.append(
        f"  calibration error {report.ece:.3f} (before {report.ece_before:.3f}); unsure {report.unsure:.1%}{right}"
    )
    width = max(len(label) for label in report.by_label)
    for label, own in report.by_label.items():
        most = next(iter(own.taken_for), None)
        taken = "" if most is None else f", most often taken for {most} ({own.taken_for[most]})"
        told.append(
            f"  {label:{width}}  {own.recall:.3f} ({own.ci95[0]:.3f} to {own.ci95[1]:.3f}) of {own.clips}{taken}"
        )
    told += [f"  CCC of {name} {value:.3f}" for name, value in report.ccc.items()]
    return told


def scores_of(report: HeadReport, corpus: str) -> list[Score]:
    """The lines of the card."""
    held = "its own test split" if report.side == "test" else f"cross-validation, a {report.by} in one fold"
    protocol = f"{len(report.by_label)} labels, {held}, windows as in the stream"
    values: list[tuple[str, float | None, Interval | None]] = [
        ("UAR", report.uar, report.uar_ci95),
        ("accuracy", report.accuracy, report.accuracy_ci95),
        ("weighted F1", report.weighted_f1, None),
        ("ECE", report.ece, None),
        ("share unsure", report.unsure, None),
        ("accuracy where not unsure", report.accuracy_otherwise, None),
        *((f"CCC {name}", value, None) for name, value in report.ccc.items()),
    ]
    return [
        Score(corpus=corpus, protocol=protocol, metric=metric, value=value, ci95=ci95, n=report.n)
        for metric, value, ci95 in values
        if value is not None
    ]
