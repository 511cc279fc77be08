"""How a published system is trained: its settings, its phases, and its step in the training loop."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from emoscope.models.systems import AttentiveModel
from emoscope.models.systems.build import Size

from .. import fit as loop
from ..corpora import Clip
from ..fit.devices import Precision
from .losses import focal_loss, inverse_frequency, pick_triplets, segmental_loss
from .phases import Stage, enter, warm_up_then_cosine
from .scoring import Model, gather, selection_score, target


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that determines the weights, besides the pretrained ones.

    row       of the paper's table: a pooling of `attentive`, a name in SEGMENTAL_ROWS of `segmental`
    epochs    the most epochs of a stage; patience: epochs without a better score that end it, or None
    precision, accumulate  see `emoscope.train.fit.LoopConfig`
    warm_up   share of a stage's steps, followed by a cosine decay; None for a constant rate
    """

    system: str
    row: str
    stages: tuple[Stage, ...]
    epochs: int
    batch: int
    patience: int | None
    warm_up: float | None
    size: Size = "published"
    precision: Precision = "fp32"
    accumulate: int = 1
    seed: int = 1
    development: tuple[str, ...] = ("21", "22")
    test: tuple[str, ...] = ("23", "24")


def fit(
    model: Model,
    train: Sequence[Clip],
    development: Sequence[Clip],
    recipe: Recipe,
    checkpoint: Path,
    resume: bool,
    device: str = "cpu",
) -> dict[str, Any]:
    """Train `model` in place and leave the weights with the best score on `development`; returns fields for the card.

    See `emoscope.train.fit.fit` for checkpoints and errors.
    """
    fitted = loop.fit(training_of(model, train, development, recipe, device), checkpoint, resume, recipe.system)
    return {
        "epochs_of_stages": [len(scores) for scores in fitted.scores],
        "development": [[round(score, 4) for score in scores] for scores in fitted.scores],
        "last_loss": round(fitted.losses[-1], 4),
        "minutes": round(fitted.seconds / 60, 1),
        "torch": str(torch.__version__),
    }


def training_of(
    model: Model, train: Sequence[Clip], development: Sequence[Clip], recipe: Recipe, device: str
) -> loop.Training[Sequence[Clip]]:
    """The configuration of the training loop: a phase for each stage, each from the best weights so far."""
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
        )

    return loop.Training(
        model=model,
        phases=[phase(stage) for stage in recipe.stages],
        batches=lambda at, rng: draw_epoch(train, recipe, at),
        step=lambda clips, now: step(model, clips, weights, recipe, now),
        score=lambda: selection_score(model, development, recipe.batch),
        config=loop.LoopConfig(
            seed=recipe.seed, device=device, precision=recipe.precision, accumulate=recipe.accumulate
        ),
        settings=loop.fingerprint(recipe),
    )


def step(model: Model, clips: Sequence[Clip], weights: Tensor, recipe: Recipe, now: loop.Step) -> Tensor:
    """The loss of a batch."""
    # Each step has its own seed, so that one repeated after a restart drops the same units.
    at = [recipe.seed, now.at.phase, now.at.epoch, now.at.step]
    seed = int(np.random.SeedSequence(at).generate_state(1)[0])
    torch.manual_seed(seed)
    audio, lengths = gather(clips, model)
    targets = torch.tensor([target(model, clip) for clip in clips], device=audio.device)
    with now.autocast():
        if isinstance(model, AttentiveModel):
            return focal_loss(model(audio, lengths=lengths), targets, weights.to(audio.device))
        triplets = pick_triplets(targets.tolist(), lengths.tolist(), seed)
        return segmental_loss(model.segment_outputs(audio, lengths), targets, triplets, model.config)


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
    """Weights (L,) of the focal loss: inverse frequencies of the labels."""
    labels = [target(model, clip) for clip in clips]
    return inverse_frequency(np.bincount(labels, minlength=len(model.contract.labels)).tolist())
