"""`emoscope train small`: the weights that ship with Emoscope, from acted corpora, read speech and a teacher.

Five trainings of one recipe. Each of the first four holds out a quarter of the speakers of every corpus; its
predictions for them are scored, and the temperatures and the threshold of `unsure` are fitted to them. The fifth trains
on all speakers and ships, but for RAVDESS's actors 21 and 22, so that anybody can evaluate the shipped weights on
speakers that they were not trained on.

Each training learns from the `whisper` model of the same speakers too, which `emoscope train whisper` left in its work
folder: so no held-out speaker reaches a fold's weights by way of its teacher.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from emoscope.models.cards import Audio, CalibrationCard, Card
from emoscope.models.contract import ModelContract
from emoscope.models.reading import DIMENSIONS, Calibration
from emoscope.models.small import SmallConfig, SmallModel

from ..acted.batches import BatchConfig
from ..acted.shipping import LABELS_OF, PARTS, SCORES, Trained, corpora_of, finish, parts_of, splits_of
from ..acted.utterances import Utterance
from ..corpora import CATEGORICAL, LABELS, SPOKEN, Clip, by_corpus, load_corpora
from ..corpora.folds import FOLDS
from ..corpora.splits import Speakers, Split
from ..fit import fingerprint
from ..progress import stage
from .augment import AugmentConfig
from .beginnings import logits_of_beginnings
from .features import mel_of_noises, prepare
from .fitting import FitConfig, Material, fit
from .lessons import Lessons, check_teachers
from .notes import NOTES

CONTRACT = ModelContract(
    id="small",
    labels=LABELS,
    dimensions=DIMENSIONS,
    baseline=True,
    window=64_000,
    hop=8_000,
    frame=640,
    reach=5_760,
    lookback=16_080,
    tail=4_800,
    languages=("da", "de", "en", "pl"),
    licence="CC BY-NC-SA 4.0",
)
SHIPPED = FitConfig(
    epochs=36,
    batches=BatchConfig(
        steps=100,
        voices=5,
        size=8,
        shares={"ravdess": 0.45, "nemo": 0.22, "emodb": 0.18, "emotale": 0.15, "read": 0.08},
        lengths=((0.45, 48, 160), (0.4, 160, 160), (0.15, 176, 320)),
        beginnings=0.6,
    ),
    augment=AugmentConfig(noise=0.2, sounds=0.4, warp=0.06, tempo=0.12),
    states=15.0,
    says=4.0,
    average=0.999,
)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that determines the weights."""

    fit: FitConfig = SHIPPED
    model: SmallConfig = field(default_factory=SmallConfig)
    evaluation: Speakers = field(default_factory=lambda: {"ravdess": ("21", "22")})


def train_small(
    data: Path,
    work: Path,
    out: Path,
    recipe: Recipe,
    teachers: Path | None = None,
    resume: bool = False,
    threads: int = 2,
    only_part: str | None = None,
) -> Card | None:
    """Train, calibrate, score, and write the model to `out`; the card as written, None for one training alone.

    data       holds a folder for each corpus, those of read speech and of sounds included
    work       cache, checkpoints and, in `folds`, the models of the folds; with `resume`, existing files are used
    teachers   the work folder of a finished `emoscope train whisper`; None: labels alone
    threads    of torch; sums are split among them, so the weights differ in the last digits with their number
    only_part  of PARTS: this training alone, so that several can run in parallel; or SCORES: score the folds alone,
               which needs no shipped weights. `resume` then finds all results
    """
    if teachers is not None:
        check_teachers(teachers)
    # A clip is too little work for several threads.
    torch.set_num_threads(1)
    clips = load_corpora(data, SPOKEN)
    splits = splits_of(clips, SPOKEN, recipe.evaluation)
    utterances = prepare_utterances(clips, recipe, work / "cache")
    sounds = load_corpora(data, ["sounds"])
    noises = mel_of_noises(sounds, new_model(recipe).frontend)
    lessons = None if teachers is None else Lessons.prepare(teachers, clips, utterances)
    torch.set_num_threads(threads)
    parts = parts_of(only_part)
    trained = []
    for part, split in zip(PARTS, splits, strict=True):
        if part in parts:
            material = material_of(utterances, split, noises, lessons, part)
            checkpoint = work / f"{part}.safetensors"
            trained.append(train_one(material, split, recipe, checkpoint, resume or only_part == SCORES, part))
    if len(trained) < FOLDS:
        return None
    return finish(
        trained,
        "small",
        held_out=lambda one: logits_of_beginnings(one.model, categorical(only(utterances, one.split.held_out))),
        card=lambda one, name, folds: make_card(one, recipe, name, folds, sounds, teachers is not None),
        data=data,
        work=work,
        out=out,
        evaluation=recipe.evaluation,
        resume=resume,
        only_scores=only_part == SCORES,
    )


def material_of(
    utterances: Sequence[Utterance], split: Split, noises: Tensor, lessons: Lessons | None, part: str
) -> Material:
    """What the training of a split learns from."""
    if lessons is None:
        return Material(only(utterances, split.train), LABELS_OF, noises)
    own, teacher = lessons.of(split.train, part)
    return Material(own, LABELS_OF, noises, teacher)


def train_one(
    material: Material, split: Split, recipe: Recipe, checkpoint: Path, resume: bool, title: str
) -> Trained[SmallModel]:
    """One training on a split's training speakers."""
    model = new_model(recipe)
    return Trained(model, fit(model, material, recipe.fit, checkpoint, resume, title), split)


def new_model(recipe: Recipe) -> SmallModel:
    """Fresh weights, the same for the same seed."""
    torch.manual_seed(recipe.fit.seed)
    return SmallModel(recipe.model, CONTRACT, Calibration())


def prepare_utterances(clips: Sequence[Clip], recipe: Recipe, cache: Path) -> list[Utterance]:
    """The clips' utterances."""
    frontend = new_model(recipe).frontend
    utterances: list[Utterance] = []
    with stage("extracting features", len(clips)) as shown:
        for some in by_corpus(clips):
            utterances += prepare(some, frontend, CONTRACT, cache, shown.advance)
    return utterances


def only(utterances: Sequence[Utterance], clips: Sequence[Clip]) -> list[Utterance]:
    """The utterances of these clips alone."""
    chosen = set(clips)
    return [u for u in utterances if u.clip in chosen]


def categorical(utterances: Sequence[Utterance]) -> list[Utterance]:
    """The utterances whose labels are trained on. Of read speech it is taken, not known, that a calm label is right."""
    return [u for u in utterances if u.clip.corpus in CATEGORICAL]


def make_card(
    trained: Trained[SmallModel],
    recipe: Recipe,
    name: str,
    folds: Sequence[Trained[SmallModel]] = (),
    sounds: Sequence[Clip] = (),
    taught: bool = True,
) -> Card:
    """The card without scores.

    folds   the trainings that the calibration comes from
    sounds  recordings without a voice, which are noise in training
    taught  whether there was a teacher
    """
    model = trained.model
    contract = model.contract
    clips = trained.split.train
    return Card(
        format=1,
        id=name,
        version="4",
        architecture=model.architecture,
        config={key: list(v) if isinstance(v, tuple) else v for key, v in model.card_config().items()},
        audio=Audio.of(
            contract,
            f"mel powers in dB below the loudest of the last {model.config.memory} frames of 10 ms, at most "
            f"{model.config.range_db:g} below, as -2 to 2; and normalised autocorrelation",
        ),
        labels=list(contract.labels),
        dimensions=list(contract.dimensions),
        derived=contract.derived,
        baseline=contract.baseline,
        calibration=CalibrationCard.of(model.calibration),
        languages=list(contract.languages),
        licence=contract.licence,
        data=corpora_of((*clips, *sounds), (*SPOKEN, "sounds")),
        training={
            "command": "emoscope train small",
            "parameters": sum(p.numel() for p in model.parameters()),
            "clips": len(clips),
            "minutes": [round(t.fitted.seconds / 60, 1) for t in (*folds, trained)],
            "threads": torch.get_num_threads(),
            "torch": str(torch.__version__),
            "last_loss": round(trained.fitted.losses[-1], 4),
            "teacher": "whisper of the same speakers" if taught else None,
            **fingerprint(recipe.fit),
        },
        scores=[],
        notes=list(NOTES),
        weights_sha256="",
    )
