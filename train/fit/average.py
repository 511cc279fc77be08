"""An average of the weights along the way: usually better than the last ones, and steadier."""

import torch
from torch import Tensor, nn


class WeightAverage:
    """Exponential moving average of parameters and batch-norm statistics. Tarvainen and Valpola (2017), section 3.

    Early on the decay is smaller, (1 + n) / (10 + n) after n steps, or the random start would linger.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay, self.steps = decay, 0
        self.values: dict[str, Tensor] = {name: value.detach().clone() for name, value in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for name, value in model.state_dict().items():
            mean = self.values[name]
            if mean.is_floating_point():
                mean.lerp_(value, 1 - decay)
            else:
                mean.copy_(value)
