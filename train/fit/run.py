"""The state of a running training: model, optimizer, average and counters, saved and restored."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from ..errors import CheckpointInvalid
from .averaging import average_of
from .checkpoint import joined, read_state, read_tensors, under, write_checkpoint
from .stopping import copy_of
from .training import Position, Training

FORMAT = 2  # of a checkpoint; those of another format are not continued


@dataclass
class Counters:
    """How far a training is, and what it measured. `total` is the sum of the losses of the epoch's steps so far."""

    position: Position = field(default_factory=Position)
    total: float = 0.0
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)
    scores: list[list[float]] = field(default_factory=lambda: [[]])


class Run:
    """A training with everything that changes while it runs."""

    def __init__(self, training: Training[Any]) -> None:
        self.training, self.model, self.counters = training, training.model, Counters()
        self.rng = np.random.default_rng(training.config.seed)
        # The generator as it was when the epoch began: after a restart, the same batches are drawn from it again.
        self.epoch_rng: dict[str, Any] = dict(self.rng.bit_generator.state)
        average = training.config.average
        self.average = None if average is None else average_of(self.model, average)
        self.best: dict[str, Tensor] = {} if training.score is None else copy_of(self.model)
        self.optimizer: Optimizer
        self.scheduler: LRScheduler | None = None
        self.begin_phase()

    @property
    def finished(self) -> bool:
        """Whether every phase is over."""
        return self.counters.position.phase == len(self.training.phases)

    def begin_phase(self) -> None:
        """The optimizer and the scheduler of the phase at hand; after the last phase, its own stay."""
        if not self.finished:
            phase = self.training.phases[self.counters.position.phase]
            self.optimizer = phase.optimizer()
            self.scheduler = None if phase.schedule is None else phase.schedule(self.optimizer)

    def save(self, path: Path) -> None:
        """Write a checkpoint of this moment, between two optimizer steps."""
        held = self.optimizer.state_dict()
        moments = {f"{i}/{name}": value for i, some in held["state"].items() for name, value in some.items()}
        tensors = joined(model=self.model.state_dict(), best=self.best, optimizer=moments)
        tensors["rng"] = torch.get_rng_state()
        if self.average is not None:
            tensors |= joined(average=self.average.state_dict())
        state = {
            "format": FORMAT,
            "settings": dict(self.training.settings),
            **asdict(self.counters),
            "optimizer": held["param_groups"],
            "scheduler": None if self.scheduler is None else self.scheduler.state_dict(),
            "rng": self.rng.bit_generator.state,
            "epoch_rng": self.epoch_rng,
        }
        write_checkpoint(path, tensors, state)

    def restore(self, path: Path) -> None:
        """Go on from a checkpoint. CheckpointInvalid for one that is broken, or of another training."""
        state = read_state(path)
        if state.get("format") != FORMAT:
            raise CheckpointInvalid(f"{path} was written by another version; start again without --resume")
        if state["settings"] != dict(self.training.settings):
            raise CheckpointInvalid(f"{path} was begun with other settings; repeat them, or start without --resume")
        tensors = read_tensors(path)
        counted = {name: state[name] for name in ("total", "seconds", "losses", "scores")}
        self.counters = Counters(position=Position(**state["position"]), **counted)
        self.begin_phase()
        try:
            self.model.load_state_dict(under("model/", tensors))
            if self.average is not None:
                self.average.load_state_dict(under("average/", tensors))
        except RuntimeError as error:
            raise CheckpointInvalid(
                f"{path}: another model was trained there: {error}; choose another --work"
            ) from None
        self.best = under("best/", tensors)
        if not self.finished:
            self._restore_optimizer(state, tensors)
        self.rng.bit_generator.state = state["rng"]
        self.epoch_rng = state["epoch_rng"]
        torch.set_rng_state(tensors["rng"])

    def _restore_optimizer(self, state: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
        moments: dict[int, dict[str, Tensor]] = {}
        for name, value in under("optimizer/", tensors).items():
            i, moment = name.split("/")
            moments.setdefault(int(i), {})[moment] = value
        self.optimizer.load_state_dict({"state": moments, "param_groups": state["optimizer"]})
        if self.scheduler is not None:
            self.scheduler.load_state_dict(state["scheduler"])
