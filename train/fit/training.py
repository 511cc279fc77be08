"""What a recipe hands to the loop: its phases, its batches and its step function."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np
from torch import Tensor, nn
from torch.optim import Optimizer

from .averaging import AverageConfig
from .devices import Precision
from .schedules import Plateau, Schedule

Batch = TypeVar("Batch")


@dataclass(frozen=True)
class Position:
    """How far a training is: phase, epoch of the phase and batch of the epoch, each counted from 0."""

    phase: int = 0
    epoch: int = 0
    step: int = 0


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A part of a training with its own optimizer.

    name       shown to the user; empty where there is only one phase
    epochs     how many it lasts, or at most, with `patience`
    batches    batches in an epoch
    optimizer  called when the phase begins: freezes and unfreezes parameters, and makes the optimizer
    schedule   makes the scheduler of the learning rate, which is stepped after each optimizer step; None: constant
    patience   ends the phase after so many epochs in a row without a better score; None: never
    plateau    lowers a constant rate where the score no longer rises; not together with a schedule
    """

    name: str = ""
    epochs: int
    batches: int
    optimizer: Callable[[], Optimizer]
    schedule: Schedule | None = None
    patience: int | None = None
    plateau: Plateau | None = None


@dataclass(frozen=True, kw_only=True)
class LoopConfig:
    """How the loop runs.

    seed        of the generator that draws batches; recipes may seed each step by it too
    device      torch's name of it
    precision   of what a step function runs inside `Step.autocast`
    accumulate  batches whose gradients are averaged for one optimizer step; the last step of an epoch may have fewer
    norm        gradients longer than this are scaled down to it; None: never
    average     weights that are averaged along the way replace the last ones at the end; None: no average
    save_every  a checkpoint is written after so many epochs, besides each phase's end and Ctrl+C
    """

    seed: int
    device: str = "cpu"
    precision: Precision = "fp32"
    accumulate: int = 1
    norm: float | None = None
    average: AverageConfig | None = None
    save_every: int = 1


@dataclass(frozen=True)
class Step:
    """What a step function is given beside its batch.

    at        which batch it is
    rng       generator of the training: its state is part of a checkpoint
    autocast  context in which operations run in the configured precision
    """

    at: Position
    rng: np.random.Generator
    autocast: Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True, kw_only=True)
class Training(Generic[Batch]):
    """One training, as a recipe describes it.

    batches   the batches of the epoch that begins at a position. They are drawn again after a restart, so they may
              depend on the position and on the generator alone
    step      the loss () of a batch; gradients, optimizer and schedule are the loop's business. It may draw from
              torch's global generator, whose state is part of a checkpoint
    score     after each epoch, higher is better: the weights of the best epoch replace the last ones at the end of a
              phase. None: the last weights count. Not together with an average
    settings  everything that decides the weights, as JSON: a checkpoint with other settings is not continued
    """

    model: nn.Module
    phases: Sequence[Phase]
    batches: Callable[[Position, np.random.Generator], Sequence[Batch]]
    step: Callable[[Batch, Step], Tensor]
    config: LoopConfig
    settings: Mapping[str, Any]
    score: Callable[[], float] | None = None


@dataclass(frozen=True)
class Fitted:
    """What a training leaves besides the weights.

    losses   mean loss of each epoch
    scores   score of each epoch, for each phase
    seconds  spent in steps, also before an interruption
    """

    losses: list[float]
    scores: list[list[float]] = field(default_factory=list)
    seconds: float = 0.0


def fingerprint(recipe: Any) -> dict[str, Any]:
    """The fields of a dataclass as JSON would give them back."""
    told: dict[str, Any] = json.loads(json.dumps(asdict(recipe)))
    return told
