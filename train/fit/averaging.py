"""An exponential moving average of the weights, which usually scores better than the last weights."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


@dataclass(frozen=True, kw_only=True)
class AverageConfig:
    """How the average follows the weights. Tarvainen and Valpola (2017), section 3.

    decay    share of the old average in the new one, after each step
    warm_up  a smaller decay at first, (1 + n) / (10 + n) after n steps; otherwise the random initial weights would
             stay in the average for long
    """

    decay: float
    warm_up: bool = False

    def decay_after(self, steps: int) -> float:
        """The decay that follows step number `steps`, counted from 1."""
        return min(self.decay, (1 + steps) / (10 + steps)) if self.warm_up else self.decay


def average_of(model: nn.Module, config: AverageConfig) -> AveragedModel:
    """An average that begins with the weights of `model`, and includes the statistics of its batch normalisation."""

    def follow(mean: Tensor, current: Tensor, steps: Tensor | int) -> Tensor:
        if not mean.is_floating_point():  # a counter, such as that of batch normalisation
            return current
        return torch.lerp(mean, current, 1 - config.decay_after(int(steps)))

    average = AveragedModel(model, avg_fn=follow, use_buffers=True)
    # AveragedModel copies at its first update and averages from the second on: this copies the initial weights.
    average.update_parameters(model)
    return average
