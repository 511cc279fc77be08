"""One training: steps, schedule, averaged weights, checkpoints. What it gives depends on its seed alone."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import torch
from torch import Tensor

from emoscope.models.small import SmallModel
from emoscope.models.speaker import CALM

from ..corpora import Clip
from ..errors import CheckpointInvalid, Interrupted, LossNotFinite
from ..fit.average import WeightAverage
from ..fit.checkpoint import load_checkpoint, save_checkpoint
from ..progress import stage
from ..stop import StopRequest
from .augment import AugmentConfig, augment, mixup
from .baselines import voices_of
from .batches import BatchConfig, Crop, Draw, gather
from .features import Utterance
from .losses import concordance_loss, mixed_cross_entropy, outside
from .pooling import pool_crops


@dataclass(frozen=True, kw_only=True)
class FitConfig:
    """How a training runs.

    ratings  weight of the loss of arousal, valence and dominance
    bf16     convolutions in bfloat16, where the processor has it some 1.5 times as fast
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


@dataclass(frozen=True)
class Fitted:
    """What a training leaves besides the weights: the mean loss of each epoch, and its seconds, breaks left out."""

    losses: list[float]
    seconds: float


def fit(
    model: SmallModel,
    speeds: Sequence[Sequence[Utterance]],
    allowed: Mapping[str, Sequence[str]],
    config: FitConfig,
    checkpoint: Path,
    resume: bool,
    title: str = "training",
) -> Fitted:
    """Train `model` in place and leave the averaged weights in it.

    speeds   the training utterances, once for each speed
    allowed  labels of each corpus

    A checkpoint is written after every epoch and when the user stops; with `resume` an existing one is continued,
    and ends in the weights that the unbroken training would have given. Raises Interrupted, LossNotFinite,
    CheckpointInvalid.
    """
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(_groups(model, config.weight_decay), lr=config.rate, betas=(0.9, 0.98))
    average = WeightAverage(model, config.average)
    state: dict[str, Any] = {
        "epoch": 0,
        "step": 0,
        "sum": 0.0,
        "seconds": 0.0,
        "losses": [],
        "config": fingerprint(config),
    }
    if resume and checkpoint.is_file():
        state = load_checkpoint(checkpoint, model, optimizer, average)
        if state["config"] != fingerprint(config):
            raise CheckpointInvalid(
                f"{checkpoint} was begun with other settings; repeat them, or start without --resume"
            )
    targets = Targets(model.contract.labels, allowed)
    draw, steps = Draw(speeds, config.batches), config.batches.steps
    model.train()
    with stage(title, config.epochs * steps) as shown, StopRequest() as stop:
        shown.advance(state["epoch"] * steps + state["step"])
        while state["epoch"] < config.epochs:
            batches = draw.epoch(np.random.default_rng([config.seed, state["epoch"]]))
            while state["step"] < len(batches):
                began = monotonic()
                at = (state["epoch"] * steps + state["step"]) / (config.epochs * steps)
                for group in optimizer.param_groups:
                    group["lr"] = config.rate * schedule(at, config.warm_up)
                batch = batches[state["step"]]
                loss = _step(model, optimizer, speeds, batch, targets, config, (state["epoch"], state["step"]))
                average.update(model)
                state["step"] += 1
                state["sum"] += loss
                state["seconds"] += monotonic() - began
                shown.advance(1, f"epoch {state['epoch'] + 1}, loss {state['sum'] / state['step']:.3f}")
                if stop.wanted:
                    save_checkpoint(checkpoint, model, optimizer, average, state)
                    raise Interrupted(f"stopped in epoch {state['epoch'] + 1} of {config.epochs}; saved")
            state["losses"].append(state["sum"] / len(batches))
            state.update(epoch=state["epoch"] + 1, step=0, sum=0.0)
            save_checkpoint(checkpoint, model, optimizer, average, state)
    model.load_state_dict(average.values)
    model.eval()
    return Fitted(state["losses"], state["seconds"])


def schedule(at: float, warm_up: float) -> float:
    """Share of the learning rate at `at` of the way (0 to 1): a linear rise, then half a cosine down to nothing."""
    if at < warm_up:
        return (at + 1e-3) / (warm_up + 1e-3)
    return 0.5 * (1 + math.cos(math.pi * (at - warm_up) / (1 - warm_up)))


def fingerprint(config: FitConfig) -> dict[str, Any]:
    """Settings as JSON would give them back."""
    import json

    told: dict[str, Any] = json.loads(json.dumps(asdict(config)))
    return told


@dataclass(frozen=True)
class Wanted:
    """What a batch should say.

    index    (B,)    label
    allowed  (B, L)  what the clip's corpus can say; nothing where its labels are not learnt from
    ratings  (B, 3)  arousal, valence and dominance
    rated    (B,)    true where somebody rated them
    """

    index: Tensor
    allowed: Tensor
    ratings: Tensor
    rated: Tensor


class Targets:
    """What crops should say. A corpus that is not among `allowed` teaches its ratings alone."""

    def __init__(self, labels: Sequence[str], allowed: Mapping[str, Sequence[str]]) -> None:
        self._index = {label: i for i, label in enumerate(labels)}
        self._allowed = {corpus: torch.tensor([label in own for label in labels]) for corpus, own in allowed.items()}
        self._none = torch.zeros(len(labels), dtype=torch.bool)

    def of(self, clips: Sequence[Clip]) -> Wanted:
        """One clip a row."""
        return Wanted(
            torch.tensor([self._index[clip.label] for clip in clips]),
            torch.stack([self._allowed.get(clip.corpus, self._none) for clip in clips]),
            torch.tensor([clip.dimensions or (0.0, 0.0, 0.0) for clip in clips]),
            torch.tensor([clip.dimensions is not None for clip in clips]),
        )


def _groups(model: SmallModel, weight_decay: float) -> list[dict[str, Any]]:
    """Decay for matrices and kernels; none for biases and norms, which only shift and scale."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    return [{"params": matrices, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]


def calmness_of(labels: Sequence[str], logits: Tensor) -> Tensor:
    """(B,) probability of a calm voice under logits (B, L)."""
    calm = torch.tensor([label in CALM for label in labels])
    return torch.softmax(logits.float(), -1)[:, calm].sum(1)


def _follow(model: SmallModel, embedding: Tensor, step: int) -> None:
    """Keep the mean and the deviation of embeddings up to date: an average over the last hundred steps or so."""
    momentum = max(0.01, 1 / (step + 1))
    model.centre.lerp_(embedding.mean(0), momentum)
    model.spread.lerp_(embedding.std(0).clamp_min(1e-3), momentum)


def _loss(said: tuple[Tensor, Tensor], wanted: Wanted, partner: Tensor, share: Tensor, config: FitConfig) -> Tensor:
    """Cross entropy of the rows with labels, and what the rated rows' dimensions lack in concordance."""
    logits, dimensions = said
    rows = wanted.allowed.any(1)
    loss = logits.new_zeros(())
    if rows.any():
        # A partner is of the same voice, so of the same corpus: its place among the rows is known.
        place = (rows.cumsum(0) - 1)[partner[rows]]
        loss = mixed_cross_entropy(
            logits[rows], wanted.index[rows], wanted.allowed[rows], place, share[rows], config.smoothing
        )
        loss = loss + outside(logits[rows], wanted.allowed[rows]).mean()
    rated = wanted.rated
    if dimensions.shape[1] and rated.any():
        told = share[:, None] * wanted.ratings + (1 - share[:, None]) * wanted.ratings[partner]
        error = (dimensions[rated] - told[rated]).square().mean()
        loss = loss + config.ratings * (concordance_loss(dimensions[rated], told[rated]) + error)
    return loss


def _step(
    model: SmallModel,
    optimizer: torch.optim.AdamW,
    speeds: Sequence[Sequence[Utterance]],
    batch: Sequence[Crop],
    targets: Targets,
    config: FitConfig,
    at: tuple[int, int],
) -> float:
    step = at[0] * config.batches.steps + at[1]
    # Each step has its own seed, so that one repeated after a restart draws the same noise and drops the same units.
    seed = int(np.random.SeedSequence([config.seed, *at]).generate_state(1)[0])
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    size = config.batches.size
    sound = augment(torch.from_numpy(gather(speeds, batch)), model.frontend.bands, size, config.augment, generator)
    sound, partner, share = mixup(sound, size, config.augment, generator)
    wanted = targets.of([speeds[crop.speed][crop.pieces[0].utterance].clip for crop in batch])
    with torch.autocast("cpu", torch.bfloat16, enabled=config.bf16):
        embedding = model.embed(pool_crops(model, sound))
    _follow(model, embedding.detach(), step)
    alone = model.decide(embedding, None)
    calm = calmness_of(model.contract.labels, alone[0].detach())
    voices = voices_of(embedding, calm, size, sound.shape[1] / 100, generator)
    known = model.decide(embedding, voices)
    loss = 0.5 * (_loss(alone, wanted, partner, share, config) + _loss(known, wanted, partner, share, config))
    value = loss.item()
    if not math.isfinite(value):
        raise LossNotFinite(
            f"the loss became {value} in epoch {at[0] + 1}, step {at[1] + 1}; the last whole epoch is saved: "
            "lower the rate, or look at the clips of that step"
        )
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(model.parameters(), config.norm)
    optimizer.step()
    return value
