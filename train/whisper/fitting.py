"""How the head of `whisper` is trained: its settings, and its step in the training loop (`emoscope.train.fit`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from emoscope.models.whisper import WhisperModel
from emoscope.models.whisper.encoder import DIM, STATES

from .. import fit as loop
from ..acted.baselines import speaker_profiles
from ..acted.batches import BatchConfig, Crop, Draw, gather
from ..acted.mixup import MixupConfig, mixup
from ..acted.objective import Targets, calmness_of, follow_embeddings, loss_of, unacted_loss
from ..acted.utterances import Utterance

FRAME_S = 0.04


@dataclass(frozen=True, kw_only=True)
class FitConfig:
    """How a training runs.

    ratings   weight of the loss of arousal, valence and dominance
    unacted   weight of the loss of read speech
    noise     standard deviation of the noise on the standardised states
    copies    how often each variant of the utterances is drawn from: whole, beginnings, degraded
    """

    epochs: int
    batches: BatchConfig
    mixup: MixupConfig = field(default_factory=lambda: MixupConfig(share=0.3))
    ratings: float = 1.0
    unacted: float = 1.0
    noise: float = 0.05
    copies: tuple[int, int, int] = (3, 2, 2)
    rate: float = 8e-4
    weight_decay: float = 0.05
    warm_up: float = 0.1
    smoothing: float = 0.1
    average: float = 0.995
    norm: float = 2.0
    seed: int = 1


Variants = Sequence[Sequence[Utterance]]


def fit(
    model: WhisperModel,
    variants: Variants,
    allowed: Mapping[str, Sequence[str]],
    config: FitConfig,
    checkpoint: Path,
    resume: bool,
    title: str = "training",
) -> loop.Fitted:
    """Train the head in place and leave the averaged weights in it; see `emoscope.train.fit.fit`.

    variants  the training utterances: whole, beginnings, degraded
    allowed   labels of each acted corpus
    """
    set_statistics(model, variants[0])
    return loop.fit(training_of(model, variants, allowed, config), checkpoint, resume, title)


def set_statistics(model: WhisperModel, utterances: Sequence[Utterance], most: int = 4_000) -> None:
    """Give the model the mean and deviation of each channel over (at most `most` of) the training utterances."""
    chosen = utterances[:: max(1, len(utterances) // most)]
    count, total, squares = 0, np.zeros(len(STATES) * DIM), np.zeros(len(STATES) * DIM)
    for utterance in chosen:
        sound = utterance.sound.astype(np.float32)
        count += len(sound)
        total += sound.sum(0, dtype=np.float64)
        squares += np.square(sound).sum(0, dtype=np.float64)
    mean = total / count
    deviation = np.sqrt(np.maximum(squares / count - mean**2, 0.0)) + 1e-3
    model.mean.copy_(torch.from_numpy(mean.reshape(len(STATES), DIM)))
    model.deviation.copy_(torch.from_numpy(deviation.reshape(len(STATES), DIM)))


def training_of(
    model: WhisperModel, variants: Variants, allowed: Mapping[str, Sequence[str]], config: FitConfig
) -> loop.Training[Sequence[Crop]]:
    """The configuration of the training loop for the head of `whisper`."""
    drawn = [variant for variant, copies in zip(variants, config.copies, strict=True) for _ in range(copies)]
    draw, targets = Draw(drawn, config.batches), Targets(model.contract.labels, allowed)
    steps = config.epochs * config.batches.steps

    def optimizer() -> torch.optim.AdamW:
        return torch.optim.AdamW(loop.decay_groups(model, config.weight_decay), lr=config.rate)

    def batches(at: loop.Position, rng: np.random.Generator) -> list[list[Crop]]:
        # Drawn from the seed and the epoch, not from the loop's generator.
        return draw.epoch(np.random.default_rng([config.seed, at.epoch]))

    def step(batch: Sequence[Crop], now: loop.Step) -> Tensor:
        return _step(model, drawn, batch, targets, config, now)

    return loop.Training(
        model=model,
        phases=[
            loop.Phase(
                epochs=config.epochs,
                batches=config.batches.steps,
                optimizer=optimizer,
                schedule=loop.one_cycle(config.rate, steps, config.warm_up),
            )
        ],
        batches=batches,
        step=step,
        config=loop.LoopConfig(
            seed=config.seed,
            norm=config.norm,
            average=loop.AverageConfig(decay=config.average, warm_up=True),
        ),
        settings={**loop.fingerprint(config), "encoder": dict(model.config.encoder)},
    )


def pooled(model: WhisperModel, sound: Tensor) -> Tensor:
    """Embeddings (B, K) of states (B, T, 2 x 512) of which every frame counts."""
    states = model.standardise(sound.reshape(*sound.shape[:2], len(STATES), DIM))
    return embed(model, states)


def embed(model: WhisperModel, states: Tensor) -> Tensor:
    """Embeddings (B, K) of standardised states (B, T, 512) of which every frame counts."""
    owned = torch.tensor([[0, states.shape[1]]]).expand(len(states), 2)
    return model.embed(model.pool_states(states, owned).state)


def _step(
    model: WhisperModel,
    drawn: Variants,
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
    sound = torch.from_numpy(gather(drawn, batch))
    states = model.standardise(sound.reshape(*sound.shape[:2], len(STATES), DIM))
    states = states + config.noise * torch.randn(states.shape, generator=generator)
    states, partner, share = mixup(states, size, config.mixup, generator)
    clips = [drawn[crop.variant][crop.pieces[0].utterance].clip for crop in batch]
    batch_targets = targets.of(clips)
    unacted = torch.tensor([clip.corpus == "read" for clip in clips])
    embedding = embed(model, states)
    follow_embeddings(model, embedding.detach(), epoch * config.batches.steps + step)
    alone = model.decide(embedding, None)
    calm = calmness_of(model.contract.labels, alone[0].detach())
    adapted = model.decide(embedding, speaker_profiles(embedding, calm, size, states.shape[1] * FRAME_S, generator))
    mixed = (batch_targets, partner, share, config.ratings, config.smoothing)
    acted = 0.5 * (loss_of(alone, *mixed) + loss_of(adapted, *mixed))
    if not unacted.any():
        return acted
    labels = model.contract.labels
    claims = 0.5 * (unacted_loss(labels, alone[0][unacted]) + unacted_loss(labels, adapted[0][unacted]))
    return acted + config.unacted * unacted.float().mean() * claims
