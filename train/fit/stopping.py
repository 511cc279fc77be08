"""Early stopping: which epoch was the best, and when a phase is over."""

import math
from collections.abc import Iterable

from torch import Tensor, nn


class EarlyStopping:
    """Ends a phase after `patience` epochs in a row without a better score."""

    def __init__(self, patience: int) -> None:
        self.patience, self.best, self.since = patience, -math.inf, 0

    def over(self, score: float) -> bool:
        """True when the phase is over, after an epoch that scored `score` (higher is better)."""
        if score > self.best:
            self.best, self.since = score, 0
        else:
            self.since += 1
        return self.since >= self.patience


def is_over(scores: Iterable[float], patience: int | None) -> bool:
    """Whether a phase with these scores of its epochs ends early; never with `patience` None."""
    if patience is None:
        return False
    stopping = EarlyStopping(patience)
    over = False
    for score in scores:
        over = stopping.over(score)
    return over


def copy_of(model: nn.Module) -> dict[str, Tensor]:
    """The weights of `model` as they are now."""
    return {name: value.detach().clone() for name, value in model.state_dict().items()}
