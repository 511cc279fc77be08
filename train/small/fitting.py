"""How `small` is trained: its settings, and its step in the training loop (`emoscope.train.fit`)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from emoscope.models.small import SmallModel
from emoscope.models.whisper.encoder import DIM

from .. import fit as loop
from ..acted.baselines import speaker_profiles
from ..acted.batches import BatchConfig, Crop, Draw, gather
from ..acted.mixup import MixupConfig, mix, mixup
from ..acted.objective import Targets, calmness_of, divergence, follow_embeddings, loss_of, unacted_loss
from ..acted.utterances import Utterance
from .augment import AugmentConfig, augment, change_tempo, stretched
from .pooling import features_of, pooled
from .teacher import Teacher


@dataclass(frozen=True, kw_only=True)
class FitConfig:
    """How a training runs.

    ratings  weight of the loss of arousal, valence and dominance
    unacted  weight of the loss of read speech
    states   weight of the squared error of the teacher's states, in variances
    says     weight of the divergence from what the teacher says
    bf16     convolutions in bfloat16, about 1.5 times as fast on processors that support it
    """

    epochs: int
    batches: BatchConfig
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    mixup: MixupConfig = field(default_factory=lambda: MixupConfig(share=0.2))
    ratings: float = 1.0
    unacted: float = 1.0
    states: float = 1.0
    says: float = 1.0
    rate: float = 2e-3
    weight_decay: float = 0.05
    warm_up: float = 0.1
    smoothing: float = 0.1
    average: float = 0.998
    norm: float = 2.0
    bf16: bool = True
    seed: int = 1


@dataclass(frozen=True)
class Material:
    """What a training learns from.

    utterances  of acted corpora and of read speech
    allowed     labels of each acted corpus
    sounds      (N, bands) mel powers in dB of recorded noise; None: no such noise
    teacher     None: labels alone
    """

    utterances: Sequence[Utterance]
    allowed: Mapping[str, Sequence[str]]
    sounds: Tensor | None = None
    teacher: Teacher | None = None


class Student(nn.Module):
    """The model, and a layer that estimates the teacher's states from its features. The layer is thrown away."""

    def __init__(self, model: SmallModel) -> None:
        super().__init__()
        self.model = model
        self.estimate = nn.Linear(model.config.dim, DIM)


def fit(
    model: SmallModel, material: Material, config: FitConfig, checkpoint: Path, resume: bool, title: str = "training"
) -> loop.Fitted:
    """Train `model` in place and leave the averaged weights in it; see `emoscope.train.fit.fit`."""
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return loop.fit(training_of(Student(model), material, config), checkpoint, resume, title)


def training_of(student: Student, material: Material, config: FitConfig) -> loop.Training[Sequence[Crop]]:
    """The configuration of the training loop for `small`."""
    model = student.model
    draw, targets = Draw([material.utterances], config.batches), Targets(model.contract.labels, material.allowed)
    steps = config.epochs * config.batches.steps

    def optimizer() -> torch.optim.AdamW:
        return torch.optim.AdamW(loop.decay_groups(student, config.weight_decay), lr=config.rate, betas=(0.9, 0.98))

    def batches(at: loop.Position, rng: np.random.Generator) -> list[list[Crop]]:
        # Drawn from the seed and the epoch, not from the loop's generator.
        return draw.epoch(np.random.default_rng([config.seed, at.epoch]))

    def step(batch: Sequence[Crop], now: loop.Step) -> Tensor:
        return _step(student, material, batch, targets, config, now)

    return loop.Training(
        model=student,
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
        settings={**loop.fingerprint(config), "teacher": material.teacher is not None},
    )


def schedule(at: float, warm_up: float) -> float:
    """Share of the learning rate at `at` of the way (0 to 1): a linear rise, then half a cosine down to nothing."""
    if at < warm_up:
        return (at + 1e-3) / (warm_up + 1e-3)
    return 0.5 * (1 + math.cos(math.pi * (at - warm_up) / (1 - warm_up)))


def _step(
    student: Student,
    material: Material,
    batch: Sequence[Crop],
    targets: Targets,
    config: FitConfig,
    now: loop.Step,
) -> Tensor:
    """The loss of a batch: without a baseline, and with one from the speaker's other utterances."""
    model, labels = student.model, student.model.contract.labels
    epoch, step = now.at.epoch, now.at.step
    # Each step has its own seed, so that one repeated after a restart draws the same noise and drops the same units.
    seed = int(np.random.SeedSequence([config.seed, epoch, step]).generate_state(1)[0])
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    size, bands = config.batches.size, model.frontend.bands
    raw = torch.from_numpy(gather([material.utterances], batch))
    raw = change_tempo(raw, config.augment.tempo, config.batches.grain, generator)
    sound = augment(raw, bands, size, config.augment, generator, material.sounds)
    sound, partner, share = mixup(sound, size, config.mixup, generator)
    clips = [material.utterances[crop.pieces[0].utterance].clip for crop in batch]
    batch_targets = targets.of(clips)
    unacted = torch.tensor([clip.corpus == "read" for clip in clips])
    with now.autocast():
        features = features_of(model, sound)
        estimated = student.estimate(features)
    embedding = pooled(model, features)
    follow_embeddings(model, embedding.detach(), epoch * config.batches.steps + step)
    alone = model.decide(embedding, None)
    calm = calmness_of(labels, alone[0].detach())
    profiles = speaker_profiles(embedding, calm, size, sound.shape[1] / 100, generator)
    adapted = model.decide(embedding, profiles)
    mixed = (batch_targets, partner, share, config.ratings, config.smoothing)
    loss = 0.5 * (loss_of(alone, *mixed) + loss_of(adapted, *mixed))
    if unacted.any():
        claims = 0.5 * (unacted_loss(labels, alone[0][unacted]) + unacted_loss(labels, adapted[0][unacted]))
        loss = loss + config.unacted * unacted.float().mean() * claims
    if material.teacher is not None:
        heard = mix(stretched(material.teacher.hears(batch), estimated.shape[1]), partner, share)
        loss = loss + config.states * (estimated.float() - heard).square().mean()
        loss = loss + config.says * divergence(alone, material.teacher.says(heard))
    return loss
