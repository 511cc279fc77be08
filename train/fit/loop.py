"""The training loop: steps, schedule, averaged weights, phases, checkpoints.

What a training gives depends on its seed alone: the same seed gives the same weights, to the last bit, on the same
processor with the same number of threads, whether the training was interrupted or not. Another number of threads or
another device sums in another order, and the weights then differ more with every step.

The average (torch's AveragedModel) and the schedules (torch's LambdaLR and OneCycleLR) compute what the loops before
this one computed, in the same order: short trainings of every recipe gave the same weights, to the last bit.
"""

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import TypeVar

from accelerate import Accelerator

from ..errors import Interrupted, LossNotFinite
from ..progress import Stage, stage
from ..stop import StopRequest
from .curves import Curves
from .devices import accelerator_for
from .memory import enough_memory
from .run import Run
from .stopping import copy_of, is_over
from .training import Fitted, Phase, Position, Step, Training

Batch = TypeVar("Batch")


def fit(
    training: Training[Batch],
    checkpoint: Path,
    resume: bool = False,
    title: str = "training",
    curves: Path | None = None,
) -> Fitted:
    """Train the model in place, and leave in it the weights that count: the best, the average or the last.

    A checkpoint is written as `LoopConfig.save_every` says, at the end of each phase, and when the user stops. With
    `resume` an existing one is continued, and ends in the weights that the uninterrupted training would have given.

    curves  a folder for tensorboard

    Raises Interrupted (Ctrl+C, after saving), LossNotFinite (before the weights are touched), CheckpointInvalid,
    OutOfMemory.
    """
    config, model = training.config, training.model
    if training.score is not None and config.average is not None:
        raise ValueError("either the best epoch is kept or an average, not both")
    accelerator = accelerator_for(config.device, config.precision)
    model.to(accelerator.device)
    run = Run(training)
    if resume and checkpoint.is_file():
        run.restore(checkpoint)
    counters = run.counters
    total = sum(phase.epochs * phase.batches for phase in training.phases)
    drawn = Curves(curves, math.ceil(_done(training, counters.position) / config.accumulate) if not run.finished else 0)
    with closing(drawn), stage(title, total) as shown, StopRequest() as stop:
        while not run.finished:
            _epoch(run, accelerator, shown, stop, checkpoint, drawn)
            _end_of_epoch(run)
            drawn.epoch(counters.losses[-1], None if training.score is None else _last(counters.scores))
            if run.finished or not counters.position.epoch % config.save_every:
                run.save(checkpoint)
    if training.score is not None:
        model.load_state_dict(run.best)
    elif run.average is not None:
        model.load_state_dict(run.average.module.state_dict())
    model.eval()
    return Fitted(counters.losses, counters.scores, counters.seconds)


def _last(scores: Sequence[Sequence[float]]) -> float:
    """The score of the last epoch; the list of a phase that has just begun is empty."""
    return [score for phase in scores for score in phase][-1]


def _epoch(
    run: Run, accelerator: Accelerator, shown: Stage, stop: StopRequest, checkpoint: Path, curves: Curves
) -> None:
    """The epoch at hand, from where it stands to its end. Interrupted after the first step in which the user stops."""
    training, counters, rng = run.training, run.counters, run.rng
    before = rng.bit_generator.state
    rng.bit_generator.state = run.epoch_rng
    batches = training.batches(replace(counters.position, step=0), rng)
    if counters.position.step:  # continued in the middle: the generator was further on
        rng.bit_generator.state = before
    phase, steps = training.phases[counters.position.phase], len(batches)
    run.model.train()
    while counters.position.step < steps:
        began = monotonic()
        first = counters.position.step
        some = batches[first : first + training.config.accumulate]
        with enough_memory(_place(phase, counters.position)):
            lost = _optimizer_step(run, accelerator, some)
        counters.total += lost
        curves.step(lost / len(some), float(run.optimizer.param_groups[0]["lr"]))
        counters.position = replace(counters.position, step=first + len(some))
        counters.seconds += monotonic() - began
        note = f"epoch {counters.position.epoch + 1}, loss {counters.total / counters.position.step:.3f}"
        shown.advance(_done(training, counters.position) - shown.done, f"{phase.name}, {note}" if phase.name else note)
        if stop.wanted:
            run.save(checkpoint)
            raise Interrupted(f"stopped in {_place(phase, counters.position)}; saved")


def _optimizer_step(run: Run, accelerator: Accelerator, batches: Sequence[Batch]) -> float:
    """One step on the mean gradient of some batches; the sum of their losses."""
    training, at = run.training, run.counters.position
    total = 0.0
    # accelerate counts the batches from here on, and lets the optimizer step at the last of them.
    accelerator.step = 0
    accelerator.gradient_accumulation_steps = len(batches)

    def autocast() -> AbstractContextManager[None]:
        context: AbstractContextManager[None] = accelerator.autocast()
        return context

    for i, batch in enumerate(batches):
        here = replace(at, step=at.step + i)
        with accelerator.accumulate(run.model):
            loss = training.step(batch, Step(here, run.rng, autocast))
            value = loss.item()
            if not math.isfinite(value):
                phase = training.phases[at.phase]
                raise LossNotFinite(
                    f"the loss became {value} in {_place(phase, here)}, step {here.step + 1}; the last checkpoint is "
                    "from before: lower the rate, or look at the clips of that step"
                )
            accelerator.backward(loss)
        total += value
    if training.config.norm is not None:
        accelerator.clip_grad_norm_(run.model.parameters(), training.config.norm)
    run.optimizer.step()
    run.model.zero_grad(set_to_none=True)  # also of parameters that this phase does not train
    if run.scheduler is not None:
        run.scheduler.step()
    if run.average is not None:
        run.average.update_parameters(run.model)
    return total


def _end_of_epoch(run: Run) -> None:
    """Count the epoch, score it, and begin the next phase where this one is over."""
    training, counters = run.training, run.counters
    position, scores = counters.position, counters.scores[-1]
    if training.score is not None:
        score = training.score()
        if score > max((old for some in counters.scores for old in some), default=-math.inf):
            run.best = copy_of(run.model)
        scores.append(score)
        plateau = training.phases[position.phase].plateau
        if plateau is not None and plateau.reached(scores):
            for group in run.optimizer.param_groups:
                group["lr"] *= plateau.factor
    counters.losses.append(counters.total / position.step)
    counters.total = 0.0
    counters.position = replace(position, epoch=position.epoch + 1, step=0)
    phase = training.phases[position.phase]
    if counters.position.epoch == phase.epochs or is_over(scores, phase.patience):
        if training.score is not None:
            run.model.load_state_dict(run.best)
        counters.position = Position(position.phase + 1)
        if not run.finished:
            counters.scores.append([])
        run.begin_phase()
    run.epoch_rng = dict(run.rng.bit_generator.state)


def _done(training: Training[Batch], position: Position) -> int:
    """Batches before `position`, those counted that early stopping left out."""
    earlier = sum(phase.epochs * phase.batches for phase in training.phases[: position.phase])
    return earlier + position.epoch * training.phases[position.phase].batches + position.step


def _place(phase: Phase, position: Position) -> str:
    """Where a training is, for a message."""
    epoch = f"epoch {position.epoch + 1} of {phase.epochs}"
    return f"phase {phase.name!r}, {epoch}" if phase.name else epoch
