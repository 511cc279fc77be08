"""What a model claims where no emotion is played: of read speech, and of sounds without a voice.

Read speech has no label that could be right or wrong: counted is how many of its finals claim an emotion, which is any
answer but neutral, calm, bored and `unsure`. Of sounds every utterance is a false one, whatever it is called.
"""

from collections import Counter
from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import soundfile

from emoscope.models.reading import UNSURE

from ..corpora import CALM_LIKE, Clip
from .calibration_inputs import Model
from .conditions import CLEAN
from .evaluate import Plan
from .intervals import resample
from .pool import Job, Settings, workers
from .predictions import ClipPredictions, Prediction
from .sessions import plan_sessions

CORPORA = ("read", "sounds")
NO_CLAIM = (*CALM_LIKE, UNSURE)
AGES = ((0, 12), (13, 17), (18, 120))


class ClaimGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Finals of one group of clips.

    clips, finals  their numbers
    minutes        of recordings
    claims         share of the finals that claim an emotion, with its 95 % interval; None without finals
    """

    name: str
    clips: int
    finals: int
    minutes: float
    claims: float | None
    ci95: tuple[float, float] | None

    @property
    def finals_a_minute(self) -> float:
        """Utterances a minute of recording."""
        return self.finals / self.minutes if self.minutes else 0.0

    @property
    def claims_a_minute(self) -> float:
        """Claims a minute of recording."""
        return self.finals_a_minute * (self.claims or 0.0)


class ClaimReport(msgspec.Struct, frozen=True, kw_only=True):
    """The finals of a corpus without played emotion.

    unreadable  recordings that libsndfile cannot read whole; they are left out
    groups      all clips first; then by age and gender (read), or by kind of sound
    answers     how often each answer was given
    """

    corpus: str
    model: list[str]
    baseline: str
    vad: str
    unreadable: int
    groups: list[ClaimGroup]
    answers: dict[str, int]


def evaluate_claims(
    plan: Plan, unreadable: int = 0, on_clips: Callable[[int], None] = lambda clips: None
) -> ClaimReport:
    """Run every recording through the live path and count its finals. Raises as `evaluate` does."""
    settings = Settings("stream", plan.config, (), plan.asr, plan.device, plan.threads)
    answers: dict[Clip, list[str]] = {}
    with workers(settings, plan.jobs, lambda: on_clips(1)) as run:
        for part in plan.parts:
            model = Model(tuple(part.card.labels), tuple(part.card.dimensions), part.card.calibrated())
            jobs = [Job(part.model, planned, CLEAN) for planned in plan_sessions(part.clips, plan.sessions)]
            for predictions in (one for done in run(jobs) for one in done):
                answers[predictions.clip] = answers_of(predictions, model)
    clips = sorted(answers)
    groups = [("all", clips), *_groups(plan.corpus, clips)]
    return ClaimReport(
        corpus=plan.corpus,
        model=[part.card.id for part in plan.parts],
        baseline=plan.config.baseline,
        vad=plan.config.vad.backend,
        unreadable=unreadable,
        groups=[_group(name, own, answers) for name, own in groups if own],
        answers=dict(Counter(answer for own in answers.values() for answer in own).most_common()),
    )


def answers_of(predictions: ClipPredictions, model: Model) -> list[str]:
    """What the final of each of a clip's utterances says."""

    def answer(final: Prediction) -> str:
        best = int(np.argmax(final.scores))
        return UNSURE if final.scores[best] < model.calibration.unsure_below else model.labels[best]

    return [answer(utterance.final) for utterance in predictions.utterances]


def _groups(corpus: str, clips: Sequence[Clip]) -> list[tuple[str, list[Clip]]]:
    if corpus == "sounds":
        return [(kind, [c for c in clips if c.label == kind]) for kind in sorted({clip.label for clip in clips})]
    ages = [
        (f"{low} to {high} years", [c for c in clips if c.age is not None and low <= c.age <= high])
        for low, high in AGES
    ]
    genders = [(name, [c for c in clips if c.gender == gender]) for gender, name in (("f", "female"), ("m", "male"))]
    return [*ages, *genders]


def _group(name: str, clips: Sequence[Clip], answers: dict[Clip, list[str]]) -> ClaimGroup:
    finals = np.array([len(answers[clip]) for clip in clips], np.float64)
    claims = np.array([sum(answer not in NO_CLAIM for answer in answers[clip]) for clip in clips], np.float64)
    total = finals.sum()
    interval = None
    if total:
        drawn = resample([clip.speaker for clip in clips], np.zeros(len(clips), np.int64))
        with np.errstate(invalid="ignore"):  # a draw without a final has no share, and does not count
            interval = drawn.interval(lambda sums: sums[:, 0] / sums[:, 1], np.stack([claims, finals], 1))
    return ClaimGroup(
        name=name,
        clips=len(clips),
        finals=int(total),
        minutes=round(sum(_seconds(clip) for clip in clips) / 60, 3),
        claims=float(claims.sum() / total) if total else None,
        ci95=interval,
    )


def _seconds(clip: Clip) -> float:
    return float(soundfile.info(clip.path).duration)
