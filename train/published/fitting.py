"""How a published system is trained: its settings, its phases, and its step in the training loop."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from emoscope.models.systems import AttentiveModel, AttributesModel, CamulenetModel, EmospeechModel
from emoscope.models.systems.attributes import GENDERS as ATTRIBUTES_GENDERS
from emoscope.models.systems.build import Size
from emoscope.models.systems.camulenet import GENDERS as CAMULENET_GENDERS

from .. import fit as loop
from ..corpora import Clip
from ..fit.devices import Precision
from .augment import Augment
from .losses import (
    attributes_loss,
    camulenet_loss,
    focal_loss,
    inverse_frequency,
    pick_triplets,
    segmental_loss,
    weighted_cross_entropy,
)
from .phases import Stage, enter, warm_up_then_cosine
from .scoring import Model, gather, ratings, selection_score, target, tokens_of


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that determines the weights, besides the pretrained ones.

    row       of the paper's table: a pooling of `attentive`, a name in SEGMENTAL_ROWS of `segmental`
    epochs    the most epochs of a stage; patience: epochs without a better score that end it, or None
    precision, accumulate  see `emoscope.train.fit.LoopConfig`
    warm_up   share of a stage's steps, followed by a cosine decay; None for a constant rate
    plateau   the rate's factor after so many epochs without a better score; None for neither
    corpus, fold  what it learns from, and which fold where its paper cross-validates
    ratio     no class of the training clips more than so many times as often as the rarest; None: all clips
    balanced  as many development clips of each class
    others    of clips without a class, `attributes` learns from none, those of the "train" side, or of "both"
    augment   how often a clip is augmented in training
    crop_s, longest_s  a random part in training; what of a clip counts at most
    changes   fields of the system's config that differ from the published ones
    """

    system: str
    row: str
    stages: tuple[Stage, ...]
    epochs: int
    batch: int
    patience: int | None
    warm_up: float | None
    plateau: loop.Plateau | None = None
    corpus: str = "ravdess"
    fold: int = 0
    ratio: float | None = None
    balanced: bool = False
    others: str = "train"
    augment: float = 0.0
    crop_s: float | None = None
    longest_s: float | None = None
    changes: dict[str, Any] = field(default_factory=dict)
    size: Size = "published"
    precision: Precision = "fp32"
    accumulate: int = 1
    seed: int = 1


def fit(
    model: Model,
    train: Sequence[Clip],
    development: Sequence[Clip],
    recipe: Recipe,
    checkpoint: Path,
    resume: bool,
    device: str = "cpu",
    augment: Augment | None = None,
    curves: Path | None = None,
) -> dict[str, Any]:
    """Train `model` in place and leave the weights with the best score on `development`; returns fields for the card.

    See `emoscope.train.fit.fit` for checkpoints and errors.
    """
    training = training_of(model, train, development, recipe, device, augment)
    fitted = loop.fit(training, checkpoint, resume, recipe.system, curves)
    return {
        "epochs_of_stages": [len(scores) for scores in fitted.scores],
        "development": [[round(score, 4) for score in scores] for scores in fitted.scores],
        "last_loss": round(fitted.losses[-1], 4),
        "minutes": round(fitted.seconds / 60, 1),
        "torch": str(torch.__version__),
    }


def training_of(
    model: Model,
    train: Sequence[Clip],
    development: Sequence[Clip],
    recipe: Recipe,
    device: str,
    augment: Augment | None = None,
) -> loop.Training[Sequence[Clip]]:
    """The configuration of the training loop: a phase for each stage, each from the best weights so far."""
    speakers = {name: i for i, name in enumerate(sorted({clip.speaker for clip in train}))}
    weights, batches = alpha(model, train), math.ceil(len(train) / recipe.batch)
    steps = recipe.epochs * math.ceil(batches / recipe.accumulate)

    def phase(stage: Stage) -> loop.Phase:
        return loop.Phase(
            name=stage.phase,
            epochs=recipe.epochs,
            batches=batches,
            optimizer=lambda: enter(model, stage),
            schedule=loop.scaled_by(factor(recipe, steps)),
            patience=recipe.patience,
            plateau=recipe.plateau,
        )

    return loop.Training(
        model=model,
        phases=[phase(stage) for stage in recipe.stages],
        batches=lambda at, rng: draw_epoch(train, recipe, at),
        step=lambda clips, now: step(model, clips, weights, recipe, now, speakers, augment),
        score=lambda: selection_score(model, development, recipe.batch),
        config=loop.LoopConfig(
            seed=recipe.seed, device=device, precision=recipe.precision, accumulate=recipe.accumulate
        ),
        settings=loop.fingerprint(recipe),
    )


def step(
    model: Model,
    clips: Sequence[Clip],
    weights: Tensor,
    recipe: Recipe,
    now: loop.Step,
    speakers: Mapping[str, int],
    augment: Augment | None = None,
) -> Tensor:
    """The loss of a batch."""
    # Each step has its own seed, so that one repeated after a restart drops the same units and draws the same noise.
    at = [recipe.seed, now.at.phase, now.at.epoch, now.at.step]
    seed = int(np.random.SeedSequence(at).generate_state(1)[0])
    torch.manual_seed(seed)
    audio, lengths = gather(
        clips, model, crop_s=recipe.crop_s, longest_s=recipe.longest_s, augment=augment, rng=np.random.default_rng(seed)
    )
    with now.autocast():
        if isinstance(model, AttributesModel):
            rated = torch.tensor(ratings(model, clips), dtype=torch.float32, device=audio.device)
            said = model.outputs(audio, tokens_of(model, clips), lengths)
            genders = genders_of(clips, ATTRIBUTES_GENDERS, audio.device)
            return attributes_loss(said, rated, genders, torch.tensor([speakers[c.speaker] for c in clips]))
        targets = torch.tensor([target(model, clip) for clip in clips], device=audio.device)
        if isinstance(model, CamulenetModel):
            genders = genders_of(clips, CAMULENET_GENDERS, audio.device)
            return camulenet_loss(model.outputs(audio, lengths), targets, genders, model.config)
        if isinstance(model, AttentiveModel):
            logits = model(audio, tokens_of(model, clips), lengths=lengths)
            return focal_loss(logits, targets, weights.to(audio.device))
        if isinstance(model, EmospeechModel):
            logits = model(audio, tokens_of(model, clips), lengths=lengths)
            return weighted_cross_entropy(logits, targets, weights.to(audio.device))
        triplets = pick_triplets(targets.tolist(), lengths.tolist(), seed)
        return segmental_loss(model.segment_outputs(audio, lengths), targets, triplets, model.config)


def genders_of(clips: Sequence[Clip], names: Sequence[str], device: torch.device) -> Tensor:
    """Indices (B,) of the speakers' genders among `names`, -1 where the corpus does not say."""
    letters = [name[0] for name in names]
    return torch.tensor([letters.index(c.gender) if c.gender in letters else -1 for c in clips], device=device)


def draw_epoch(clips: Sequence[Clip], recipe: Recipe, at: loop.Position) -> list[list[Clip]]:
    """The batches of an epoch: every clip once, in an order that depends on seed, phase and epoch."""
    order = np.random.default_rng([recipe.seed, at.phase, at.epoch]).permutation(len(clips))
    return [[clips[i] for i in order[first : first + recipe.batch]] for first in range(0, len(clips), recipe.batch)]


def factor(recipe: Recipe, steps: int) -> Callable[[int], float]:
    """Share of a phase's learning rate at each of its `steps`."""
    if recipe.warm_up is None:
        return lambda at: 1.0
    return warm_up_then_cosine(steps, max(1, round(recipe.warm_up * steps)))


def alpha(model: Model, clips: Sequence[Clip]) -> Tensor:
    """Weights (L,) of a weighted loss: inverse frequencies of the labels; `attributes` has none."""
    if isinstance(model, AttributesModel):
        return torch.ones(len(model.contract.labels))
    labels = [target(model, clip) for clip in clips]
    return inverse_frequency(np.bincount(labels, minlength=len(model.contract.labels)).tolist())
