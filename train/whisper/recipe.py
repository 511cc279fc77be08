"""`emoscope train whisper`: the head over Whisper-base's lower layers, from acted corpora and read speech.

Five trainings of one recipe, as for `small`: four hold out a quarter of the speakers of every corpus, the fifth ships.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from emoscope.models.cards import Audio, CalibrationCard, Card
from emoscope.models.contract import ModelContract
from emoscope.models.reading import DIMENSIONS, Calibration
from emoscope.models.whisper import WhisperConfig, WhisperModel
from emoscope.models.whisper.checkpoint import Weights, digests_of
from emoscope.models.whisper.encoder import LowerWhisper
from emoscope.models.whisper.members import join_members

from ..acted.batches import BatchConfig
from ..acted.shipping import LABELS_OF, PARTS, SCORES, Trained, corpora_of, finish, parts_of, splits_of
from ..acted.utterances import Utterance
from ..corpora import CATEGORICAL, LABELS, SPOKEN, Clip, by_corpus, load_corpora
from ..corpora.folds import FOLDS
from ..corpora.splits import Speakers, Split
from ..fit import Fitted, fingerprint
from ..progress import stage
from .calibrate import held_out_logits
from .degrade import Degrader
from .features import VARIANTS, prepare
from .fitting import FitConfig, Variants, fit
from .notes import NOTES

CONTRACT = ModelContract(
    id="whisper",
    labels=LABELS,
    dimensions=DIMENSIONS,
    baseline=True,
    window=25_600,
    hop=12_800,
    frame=640,
    lookback=LowerWhisper.lookback,
    tail=4_800,
    languages=("da", "de", "en", "pl"),
    licence="CC BY-NC-SA 4.0",
)
SHIPPED = FitConfig(
    epochs=12,
    batches=BatchConfig(
        steps=100,
        voices=6,
        size=8,
        shares={"ravdess": 0.6, "nemo": 0.21, "emodb": 0.16, "emotale": 0.18, "read": 0.05},
        lengths=((0.45, 12, 40), (0.35, 40, 50), (0.2, 52, 80)),
        grain=1,
        beginnings=0.6,
    ),
)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that determines the weights, beside the encoder."""

    fit: FitConfig = SHIPPED
    model: WhisperConfig = field(default_factory=WhisperConfig)
    evaluation: Speakers = field(default_factory=lambda: {"ravdess": ("21", "22")})


def train_whisper(
    data: Path,
    work: Path,
    out: Path,
    recipe: Recipe,
    encoder: Weights,
    resume: bool = False,
    threads: int = 2,
    only_part: str | None = None,
) -> Card | None:
    """Train, calibrate, score, and write the head to `out`; the card as written, None for one training alone.

    data       holds a folder for each corpus, those of read speech and of sounds included
    work       cache, checkpoints and, in `folds`, the models of the folds; with `resume`, existing files are used
    encoder    the tensors of Whisper-base's lower layers
    only_part  of PARTS: this training alone, so that several can run in parallel; or SCORES: score the folds alone
    """
    torch.set_num_threads(threads)
    recipe = replace(recipe, model=replace(recipe.model, encoder=digests_of(encoder)))
    clips = load_corpora(data, SPOKEN)
    splits = splits_of(clips, SPOKEN, recipe.evaluation)
    variants = prepare_variants(clips, encoder, data, work / "cache")
    parts = parts_of(only_part)
    trained = [
        train_one(variants, split, recipe, encoder, work / f"{part}.safetensors", resume or only_part == SCORES, part)
        for part, split in zip(PARTS, splits, strict=True)
        if part in parts
    ]
    if len(trained) < FOLDS:
        return None
    return finish(
        trained,
        "whisper",
        held_out=lambda one: held_out_logits(one.model, only(variants[:2], one.split.held_out, (*CATEGORICAL, "read"))),
        card=lambda one, name, folds: make_card(one, recipe, name, folds, load_corpora(data, ["sounds"])),
        data=data,
        work=work,
        out=out,
        evaluation=recipe.evaluation,
        resume=resume,
        only_scores=only_part == SCORES,
    )


def prepare_variants(clips: Sequence[Clip], encoder: Weights, data: Path, cache: Path) -> list[list[Utterance]]:
    """The clips' utterances: whole, their beginnings, and degraded."""
    lower = LowerWhisper.of(encoder)
    degrader = Degrader(load_corpora(data, ["sounds"]))
    variants: list[list[Utterance]] = []
    with stage("encoding speech", len(clips) * len(VARIANTS)) as shown:
        for variant in VARIANTS:
            utterances: list[Utterance] = []
            for some in by_corpus(clips):
                utterances += prepare(some, lower, CONTRACT, variant, cache, degrader, shown.advance)
            variants.append(utterances)
    return variants


def train_one(
    variants: Variants,
    split: Split,
    recipe: Recipe,
    encoder: Weights,
    checkpoint: Path,
    resume: bool,
    title: str,
) -> Trained[WhisperModel]:
    """The members of one model, each trained by itself on a split's training speakers from a seed of its own.

    checkpoint  a member's file is named after it and the member's number
    """
    chosen, count = only(variants, split.train), recipe.model.members
    members, fitted = [], []
    for number in range(count):
        settings = replace(recipe.fit, seed=recipe.fit.seed + number)
        torch.manual_seed(settings.seed)
        model = WhisperModel(replace(recipe.model, members=1), CONTRACT, Calibration())
        model.attach(encoder)
        path = checkpoint.with_name(f"{checkpoint.stem}-{number}{checkpoint.suffix}")
        fitted.append(fit(model, chosen, LABELS_OF, settings, path, resume, f"{title}, member {number + 1} of {count}"))
        members.append(model.state_dict())
    joined = WhisperModel(recipe.model, CONTRACT, Calibration())
    joined.attach(encoder)
    joined.load_state_dict(join_members(members))
    losses = [sum(each) / count for each in zip(*(one.losses for one in fitted), strict=True)]
    return Trained(joined.eval(), Fitted(losses, seconds=sum(one.seconds for one in fitted)), split)


def only(variants: Variants, clips: Sequence[Clip], corpora: Sequence[str] = SPOKEN) -> list[list[Utterance]]:
    """The utterances of these clips alone, of these corpora."""
    chosen = {clip for clip in clips if clip.corpus in corpora}
    return [[u for u in utterances if u.clip in chosen] for utterances in variants]


def make_card(
    trained: Trained[WhisperModel],
    recipe: Recipe,
    name: str,
    folds: Sequence[Trained[WhisperModel]] = (),
    sounds: Sequence[Clip] = (),
) -> Card:
    """The card without scores.

    folds   the trainings that the calibration comes from
    sounds  recordings without a voice, which are noise in the degraded copies
    """
    model = trained.model
    contract = model.contract
    clips = trained.split.train
    return Card(
        format=1,
        id=name,
        version="2",
        architecture=model.architecture,
        config=model.card_config(),
        audio=Audio.of(
            contract,
            "Whisper's log-mel bands, at most 8 decades below each window's loudest; the states after layers 2 and 3, "
            "each channel standardised over the training speech",
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
            "command": "emoscope train whisper",
            "parameters": sum(p.numel() for p in model.parameters()),
            "parameters_of_the_encoder": model.parameter_count - sum(p.numel() for p in model.parameters()),
            "clips": len(clips),
            "minutes": [round(t.fitted.seconds / 60, 1) for t in (*folds, trained)],
            "threads": torch.get_num_threads(),
            "torch": str(torch.__version__),
            "last_loss": round(trained.fitted.losses[-1], 4),
            **fingerprint(recipe.fit),
        },
        scores=[],
        notes=list(NOTES),
        weights_sha256="",
    )
