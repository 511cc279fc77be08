"""`emoscope train small`: the weights that ship with Emoscope, made again from RAVDESS, EmoDB, nEMO and EmoTale.

Five trainings of one recipe. Each of the first four holds out a quarter of the speakers of every corpus; its
predictions for them are scored, and the temperatures and the threshold of `unsure` are fitted to them. The fifth trains
on all speakers and ships, but for RAVDESS's actors 21 and 22, so that anybody can evaluate the shipped weights on
speakers that they were not trained on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from emoscope.models.cards import Audio, CalibrationCard, Card
from emoscope.models.contract import ModelContract
from emoscope.models.reading import DIMENSIONS, Calibration
from emoscope.models.small import SmallConfig, SmallModel

from ..corpora import CATEGORICAL, LABELS, TRAINED, Clip, load_corpora
from ..corpora.folds import FOLDS
from ..corpora.splits import Speakers, Split
from ..fit import fingerprint
from ..progress import stage
from .augment import AugmentConfig
from .batches import BatchConfig
from .calibrate import logits_of_beginnings
from .features import Utterance, prepare
from .fitting import FitConfig, fit
from .notes import NOTES
from .shipping import LABELS_OF, PARTS, SCORES, Trained, corpora_of, finish, parts_of, splits_of

CONTRACT = ModelContract(
    id="small",
    labels=LABELS,
    dimensions=DIMENSIONS,
    baseline=True,
    window=25_600,
    hop=12_800,
    frame=640,
    lookback=480,
    tail=4_800,
    languages=("da", "de", "en", "pl"),
    licence="CC BY-NC-SA 4.0",
)
SHIPPED = FitConfig(
    epochs=60,
    batches=BatchConfig(
        steps=100,
        voices=5,
        size=8,
        shares={"ravdess": 0.5, "nemo": 0.2, "emodb": 0.16, "emotale": 0.14},
        lengths=((0.5, 48, 160), (0.37, 160, 160), (0.13, 176, 320)),
        beginnings=0.6,
    ),
    augment=AugmentConfig(mixup=0.2, noise=0.3, warp=0.06),
    average=0.999,
)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that determines the weights."""

    fit: FitConfig = SHIPPED
    model: SmallConfig = field(default_factory=SmallConfig)
    speeds: tuple[float, ...] = (1.0, 0.9, 1.1)
    evaluation: Speakers = field(default_factory=lambda: {"ravdess": ("21", "22")})


def train_small(
    data: Path,
    work: Path,
    out: Path,
    recipe: Recipe,
    resume: bool = False,
    threads: int = 2,
    only_part: str | None = None,
) -> Card | None:
    """Train, calibrate, score, and write the model to `out`; the card as written, None for one training alone.

    data     holds a folder for each corpus
    work     cache, checkpoints and, in `folds`, the models of the folds; with `resume`, existing files are used
    threads  of torch; sums are split among them, so the weights differ in the last digits with their number
    only_part  of PARTS: this training alone, so that several can run in parallel; or SCORES: score the folds alone,
             which needs no shipped weights. `resume` then finds all results
    """
    # A clip is too little work for several threads.
    torch.set_num_threads(1)
    clips = load_corpora(data, TRAINED)
    splits = splits_of(clips, TRAINED, recipe.evaluation)
    speeds = prepare_speeds(clips, recipe, work / "cache")
    torch.set_num_threads(threads)
    parts = parts_of(only_part)
    trained = [
        train_one(speeds, split, recipe, work / f"{part}.safetensors", resume or only_part == SCORES, part)
        for part, split in zip(PARTS, splits, strict=True)
        if part in parts
    ]
    if len(trained) < FOLDS:
        return None
    return finish(
        trained,
        "small",
        held_out=lambda one: logits_of_beginnings(one.model, categorical(only([speeds[0]], one.split.held_out)[0])),
        card=lambda one, name, folds: make_card(one, recipe, name, folds),
        data=data,
        work=work,
        out=out,
        evaluation=recipe.evaluation,
        resume=resume,
        only_scores=only_part == SCORES,
    )


def train_one(
    speeds: Sequence[Sequence[Utterance]],
    split: Split,
    recipe: Recipe,
    checkpoint: Path,
    resume: bool,
    title: str,
) -> Trained[SmallModel]:
    """One training on a split's training speakers, at each speed."""
    model = new_model(recipe)
    fitted = fit(model, only(speeds, split.train), LABELS_OF, recipe.fit, checkpoint, resume, title)
    return Trained(model, fitted, split)


def new_model(recipe: Recipe) -> SmallModel:
    """Fresh weights, the same for the same seed."""
    torch.manual_seed(recipe.fit.seed)
    return SmallModel(recipe.model, CONTRACT, Calibration())


def prepare_speeds(clips: Sequence[Clip], recipe: Recipe, cache: Path) -> list[list[Utterance]]:
    """The clips' utterances at each of the recipe's speeds."""
    frontend = new_model(recipe).frontend
    speeds = []
    with stage("extracting features", len(clips) * len(recipe.speeds)) as shown:
        for speed in recipe.speeds:
            utterances: list[Utterance] = []
            for corpus in TRAINED:
                some = [clip for clip in clips if clip.corpus == corpus]
                utterances += prepare(some, frontend, CONTRACT, speed, cache, shown.advance)
            speeds.append(utterances)
    return speeds


def only(speeds: Sequence[Sequence[Utterance]], clips: Sequence[Clip]) -> list[list[Utterance]]:
    """The utterances of these clips alone."""
    chosen = set(clips)
    return [[u for u in utterances if u.clip in chosen] for utterances in speeds]


def categorical(utterances: Sequence[Utterance]) -> list[Utterance]:
    """The utterances whose labels are trained on."""
    return [u for u in utterances if u.clip.corpus in CATEGORICAL]


def make_card(
    trained: Trained[SmallModel], recipe: Recipe, name: str, folds: Sequence[Trained[SmallModel]] = ()
) -> Card:
    """The card without scores; `folds` are the trainings that the calibration comes from."""
    model = trained.model
    contract = model.contract
    clips = trained.split.train
    return Card(
        format=1,
        id=name,
        version="3",
        architecture=model.architecture,
        config={key: list(v) if isinstance(v, tuple) else v for key, v in model.card_config().items()},
        audio=Audio.of(
            contract,
            f"mel powers in dB; each window's peak becomes 0, then at least -{model.config.range_db:g}, then the "
            "window's mean is taken away and all is divided by 15; and normalised autocorrelation",
        ),
        labels=list(contract.labels),
        dimensions=list(contract.dimensions),
        derived=contract.derived,
        baseline=contract.baseline,
        calibration=CalibrationCard.of(model.calibration),
        languages=list(contract.languages),
        licence=contract.licence,
        data=corpora_of(clips, TRAINED),
        training={
            "command": "emoscope train small",
            "parameters": sum(p.numel() for p in model.parameters()),
            "clips": len(clips),
            "minutes": [round(t.fitted.seconds / 60, 1) for t in (*folds, trained)],
            "threads": torch.get_num_threads(),
            "torch": str(torch.__version__),
            "last_loss": round(trained.fitted.losses[-1], 4),
            "speeds": list(recipe.speeds),
            **fingerprint(recipe.fit),
        },
        scores=[],
        notes=list(NOTES),
        weights_sha256="",
    )
