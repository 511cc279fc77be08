"""How `small` is trained: its settings, and its step in the training loop (`emoscope.train.fit`)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from emoscope.models.small import SmallModel

from .. import fit as loop
from .augment import AugmentConfig, augment, mixup
from .baselines import speaker_profiles
from .batches import BatchConfig, Crop, Draw, gather
from .features import Utterance
from .objective import Targets, calmness_of, follow_embeddings, loss_of
from .pooling import pool_crops


@dataclass(frozen=True, kw_only=True)
class FitConfig:
    """How a training runs.

    ratings  weight of the loss of arousal, valence and dominance
    bf16     convolutions in bfloat16, about 1.5 times as fast on processors that support it
    """

    epochs: int
    batches: BatchConfig
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    ratings: float = 1.0
    rate: float = 2e-3
    weight_decay: float = 0.05
    warm_up: float = 0.1
    smoothing: float = 0.1
    average: float = 0.998
    norm: float = 2.0
    bf16: bool = True
    seed: int = 1


def fit(
    model: SmallModel,
    speeds: Sequence[Sequence[Utterance]],
    allowed: Mapping[str, Sequence[str]],
    config: FitConfig,
    checkpoint: Path,
    resume: bool,
    title: str = "training",
) -> loop.Fitted:
    """Train `model` in place and leave the averaged weights in it; see `emoscope.train.fit.fit`.

    speeds   the training utterances, once for each speed
    allowed  labels of each corpus
    """
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return loop.fit(training_of(model, speeds, allowed, config), checkpoint, resume, title)


def training_of(
    model: SmallModel,
    speeds: Sequence[Sequence[Utterance]],
    allowed: Mapping[str, Sequence[str]],
    config: FitConfig,
) -> loop.Training[Sequence[Crop]]:
    """The configuration of the training loop for `small`."""
    draw, targets = Draw(speeds, config.batches), Targets(model.contract.labels, allowed)
    steps = config.epochs * config.batches.steps

    def optimizer() -> torch.optim.AdamW:
        return torch.optim.AdamW(decay_groups(model, config.weight_decay), lr=config.rate, betas=(0.9, 0.98))

    def batches(at: loop.Position, rng: np.random.Generator) -> list[list[Crop]]:
        # Drawn from the seed and the epoch, not from the loop's generator.
        return draw.epoch(np.random.default_rng([config.seed, at.epoch]))

    def step(batch: Sequence[Crop], now: loop.Step) -> Tensor:
        return _step(model, speeds, batch, targets, config, now)

    return loop.Training(
        model=model,
        phases=[
            loop.Phase(
                epochs=config.epochs,
                batches=config.batches.steps,
                optimizer=optimizer,
                schedule=loop.scaled_by(lambda n: schedule(n / steps, config.warm_up)),
            )
        ],
        batches=batches,
        step=step,
        config=loop.LoopConfig(
            seed=config.seed,
            precision="bf16" if config.bf16 else "fp32",
            norm=config.norm,
            average=loop.AverageConfig(decay=config.average, warm_up=True),
        ),
        settings=loop.fingerprint(config),
    )


def schedule(at: float, warm_up: float) -> float:
    """Share of the learning rate at `at` of the way (0 to 1): a linear rise, then half a cosine down to nothing."""
    if at < warm_up:
        return (at + 1e-3) / (warm_up + 1e-3)
    return 0.5 * (1 + math.cos(math.pi * (at - warm_up) / (1 - warm_up)))


def decay_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Decay for matrices and kernels; none for biases and norms, which only shift and scale."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    return [{"params": matrices, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]


def _step(
    model: SmallModel,
    speeds: Sequence[Sequence[Utterance]],
    batch: Sequence[Crop],
    targets: Targets,
    config: FitConfig,
    now: loop.Step,
) -> Tensor:
    """The loss of a batch: without a baseline, and with one from the speaker's other utterances."""
    epoch, step = now.at.epoch, now.at.step
    # Each step has its own seed, so that one repeated after a restart draws the same noise and drops the same units.
    seed = int(np.random.SeedSequence([config.seed, epoch, step]).generate_state(1)[0])
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    size = config.batches.size
    sound = augment(torch.from_numpy(gather(speeds, batch)), model.frontend.bands, size, config.augment, generator)
    sound, partner, share = mixup(sound, size, config.augment, generator)
    batch_targets = targets.of([speeds[crop.speed][crop.pieces[0].utterance].clip for crop in batch])
    with now.autocast():
        embedding = model.embed(pool_crops(model, sound))
    follow_embeddings(model, embedding.detach(), epoch * config.batches.steps + step)
    alone = model.decide(embedding, None)
    calm = calmness_of(model.contract.labels, alone[0].detach())
    profiles = speaker_profiles(embedding, calm, size, sound.shape[1] / 100, generator)
    adapted = model.decide(embedding, profiles)
    mixed = (batch_targets, partner, share, config.ratings, config.smoothing)
    return 0.5 * (loss_of(alone, *mixed) + loss_of(adapted, *mixed))
