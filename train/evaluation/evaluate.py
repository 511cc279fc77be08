"""Evaluate models on a corpus, under each condition, and report the metrics."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from emoscope.models.errors import UsageError
from emoscope.streamer import Config

from ..corpora import Clip
from ..errors import Interrupted
from .calibration_inputs import Model, ModelPredictions
from .conditions import CLEAN, Condition
from .figures import Figures, Group, count
from .pool import Job, Settings, workers
from .predictions import SECONDS, ClipPredictions, final_answers
from .protocols import Protocol
from .runner import How
from .selection import Part
from .sessions import SessionConfig, not_enrolled, plan_sessions


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is evaluated, and with which settings.

    parts            models and their clips; several in cross-validation
    others           all clips of the corpus, from which babble noise is made
    conditions       besides clean
    asr              the recognizer for the text branch, as `--asr` names it
    device, threads  where the models run, as `open_engine` takes them
    """

    corpus: str
    parts: Sequence[Part]
    protocol: Protocol
    others: Sequence[Clip] = ()
    how: How = "stream"
    config: Config = field(default_factory=lambda: Config(pace="fast", attention=False))
    sessions: SessionConfig = field(default_factory=SessionConfig)
    conditions: Sequence[Condition] = ()
    jobs: int = 1
    asr: str = "none"
    device: str = "auto"
    threads: int | None = None


class ClipRow(msgspec.Struct, frozen=True, kw_only=True):
    """The answer for one clip in clean sound: probabilities of the model's labels, all zero without a prediction."""

    name: str
    speaker: str
    label: str
    scores: dict[str, float]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The metrics in clean sound and under each condition, and what was evaluated.

    trained      speakers of the training data, scored because the user allowed it
    left_out     clips whose class the protocol excludes; `not_enrolled`: speakers without a calm clip to enrol
    unfinished   requested conditions that were not evaluated because the user stopped the run
    """

    corpus: str
    protocol: str
    model: list[str]
    how: str
    session: str
    order: str | None
    baseline: str
    speakers: list[str]
    trained: list[str]
    left_out: int
    not_enrolled: list[str]
    figures: Figures
    folds: list[Group]
    conditions: dict[str, Figures]
    unfinished: list[str]
    clips: list[ClipRow]


def evaluate(
    plan: Plan, left_out: int = 0, on_clips: Callable[[Condition, int], None] = lambda condition, clips: None
) -> Report:
    """Run every session, in clean sound first, and compute the metrics.

    `on_clips` is called with the number of finished clips. When the user stops the run, the completed conditions are
    reported; Interrupted is raised if the clean one is not among them.
    """
    if plan.how == "whole" and (plan.sessions.session != "recording" or plan.config.baseline != "off"):
        raise UsageError(
            "--whole evaluates each recording alone: no --session speaker and no --baseline; leave one out"
        )
    if plan.how == "whole" and plan.asr != "none":
        raise UsageError("--whole evaluates the voice alone: --asr is for the live path; leave one out")
    sessions = [plan_sessions(part.clips, plan.sessions) for part in plan.parts]
    settings = Settings(plan.how, plan.config, tuple(plan.others), plan.asr, plan.device, plan.threads)
    found: dict[Condition, list[ModelPredictions]] = {}
    conditions = list(dict.fromkeys([CLEAN, *plan.conditions]))
    now = CLEAN
    with workers(settings, plan.jobs, lambda: on_clips(now, 1)) as run:
        for now in conditions:
            jobs = [
                [Job(part.model, planned, now) for planned in own]
                for part, own in zip(plan.parts, sessions, strict=True)
            ]
            try:
                done = iter(run([job for own in jobs for job in own]))
            except Interrupted:
                if not found:
                    raise
                break
            found[now] = [
                ModelPredictions(_model(part), _by_name([h for _ in own for h in next(done)]))
                for part, own in zip(plan.parts, jobs, strict=True)
            ]
    figures = {c: count(by_model, plan.protocol, SECONDS if c == CLEAN else ()) for c, by_model in found.items()}
    clean = found[CLEAN]
    clips = [h.clip for part in clean for h in part.clips]
    return Report(
        corpus=plan.corpus,
        protocol=plan.protocol.name,
        model=[part.card.id for part in plan.parts],
        how=plan.how,
        session=plan.sessions.session,
        order=plan.sessions.order if plan.sessions.session == "speaker" else None,
        baseline=plan.config.baseline,
        speakers=sorted({clip.speaker for clip in clips}),
        trained=sorted({name for part in plan.parts for name in part.trained}),
        left_out=left_out,
        not_enrolled=sorted(
            {name for part, own in zip(plan.parts, sessions, strict=True) for name in not_enrolled(part.clips, own)}
        ),
        figures=figures[CLEAN],
        folds=_folds(clean, plan.protocol),
        conditions={c.name: f for c, f in figures.items() if c != CLEAN},
        unfinished=[c.name for c in conditions if c not in found],
        clips=[row for part in clean for row in _rows(part)],
    )


def sessions_of(plan: Plan) -> int:
    """How many sessions a plan runs, over all conditions."""
    each = sum(len(plan_sessions(part.clips, plan.sessions)) for part in plan.parts)
    return each * len(dict.fromkeys([CLEAN, *plan.conditions]))


def _model(part: Part) -> Model:
    card = part.card
    return Model(tuple(card.labels), tuple(card.dimensions), card.calibrated())


def _by_name(predictions: Sequence[ClipPredictions]) -> tuple[ClipPredictions, ...]:
    """Sorted by name, so that the metrics do not depend on the order of the sessions."""
    return tuple(sorted(predictions, key=lambda h: h.clip.name))


def _folds(by_model: Sequence[ModelPredictions], protocol: Protocol) -> list[Group]:
    if len(by_model) == 1:
        return []
    each = [count([part], protocol) for part in by_model]
    return [Group(n=figures.n, uar=figures.uar, wa=figures.wa) for figures in each]


def _rows(part: ModelPredictions) -> list[ClipRow]:
    labels = part.model.labels
    scores = final_answers(part.clips, len(labels))
    return [
        ClipRow(
            name=h.clip.name,
            speaker=h.clip.speaker,
            label=h.clip.label,
            scores={label: round(float(p), 6) for label, p in zip(labels, row, strict=True)},
        )
        for h, row in zip(part.clips, scores, strict=True)
    ]
