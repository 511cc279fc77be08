"""Learning rate schedules: torch's own schedulers, made for an optimizer when a phase begins."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, OneCycleLR

Schedule = Callable[[Optimizer], LRScheduler]


def scaled_by(factor: Callable[[int], float]) -> Schedule:
    """The optimizer's own rate times `factor(n)` for its step number n, counted from 0."""
    return lambda optimizer: LambdaLR(optimizer, factor)


def one_cycle(rate: float, steps: int, warm_up: float) -> Schedule:
    """Smith and Topin (2019): rise to `rate` over the share `warm_up` of `steps`, then fall to nearly nothing."""
    return lambda optimizer: OneCycleLR(optimizer, rate, total_steps=steps, pct_start=warm_up)


@dataclass(frozen=True, kw_only=True)
class Plateau:
    """The rate is multiplied by `factor` after `patience` epochs in a row without a better score, and again."""

    factor: float
    patience: int

    def reached(self, scores: Sequence[float]) -> bool:
        """Whether the last of a phase's scores (higher is better) is one after which the rate falls."""
        best, since = float("-inf"), 0
        for score in scores:
            best, since = (score, 0) if score > best else (best, since % self.patience + 1)
        return since == self.patience
