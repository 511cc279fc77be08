"""How the tiny Whisper is trained: its settings, and its step in the training loop."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .. import fit as loop
from .network import POSITIONS, SAMPLED, gather, loss_of
from .samples import Sample, Sampler

GROUPED = 8  # batches that are drawn at a time and sorted by length: an epoch of the training loop
EPOCHS_SAVED = 25  # epochs between two checkpoints


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that determines the weights.

    A step is of `batch` samples of at most `frames` of 10 ms; `steps` are rounded up to whole groups (GROUPED).
    """

    steps: int = 3000
    batch: int = 16
    frames: int = 500
    rate: float = 2e-3
    warm: int = 200
    guide: float = 0.1
    seed: int = 11
    train: tuple[str, ...] = tuple(f"{actor:02}" for actor in range(1, 19))
    choose: tuple[str, ...] = ("19", "20")
    score: tuple[str, ...] = ("21", "22")
    others: int = 120  # clips of each other language
    scored_clips: int = 120  # of each pair of actors


def fit(model: Any, sampler: Sampler, end: int, recipe: Recipe, checkpoint: Path, resume: bool) -> loop.Fitted:
    """Train `model` in place; `end` is the token that ends a text. See `emoscope.train.fit.fit`."""
    return loop.fit(training_of(model, sampler, end, recipe), checkpoint, resume)


def training_of(model: Any, sampler: Sampler, end: int, recipe: Recipe) -> loop.Training[list[Sample]]:
    """The configuration of the training loop. An epoch is a group of batches that are drawn together."""
    parameters = [p for name, p in model.named_parameters() if "encoder.embed_positions" not in name]
    epochs = math.ceil(recipe.steps / GROUPED)

    def batches(at: loop.Position, rng: np.random.Generator) -> list[list[Sample]]:
        drawn = [sampler.draw(rng, recipe.frames) for _ in range(recipe.batch * GROUPED)]
        return _alike(drawn, recipe, rng)

    def step(samples: Sequence[Sample], now: loop.Step) -> Tensor:
        batch = gather(samples, end)
        tail = torch.from_numpy(now.rng.integers(batch.mel.shape[2] // 2, POSITIONS, SAMPLED))
        loss, _ = loss_of(model, batch, recipe.guide, tail)
        return loss

    def rate(n: int) -> float:
        return min(1.0, (n + 1) / recipe.warm) * (0.5 + 0.5 * math.cos(math.pi * min(n, recipe.steps) / recipe.steps))

    return loop.Training(
        model=model,
        phases=[
            loop.Phase(
                epochs=epochs,
                batches=GROUPED,
                optimizer=lambda: torch.optim.AdamW(parameters, recipe.rate, betas=(0.9, 0.98), weight_decay=0.01),
                schedule=loop.scaled_by(rate),
            )
        ],
        batches=batches,
        step=step,
        config=loop.LoopConfig(seed=recipe.seed, norm=1.0, save_every=EPOCHS_SAVED),
        settings=loop.fingerprint(recipe),
    )


def _alike(samples: Sequence[Sample], recipe: Recipe, rng: np.random.Generator) -> list[list[Sample]]:
    """Batches of samples of similar length, because padding costs time."""
    ranked = sorted(samples, key=lambda sample: sample.mel.shape[1])
    batches = [ranked[i : i + recipe.batch] for i in range(0, len(ranked), recipe.batch)]
    # From the last to the first, so that a seed gives the same weights as in earlier versions.
    return [batches[i] for i in rng.permutation(len(batches))[::-1]]
