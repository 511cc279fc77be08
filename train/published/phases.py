"""Gradual unfreezing: which parameters are trained in each phase, and at which learning rate."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import nn

from emoscope.models.encoders.speech import Phase


@dataclass(frozen=True)
class Stage:
    """One phase of training: what is unfrozen, the learning rate, and the variant of Adam.

    decay      AdamW's decoupled weight decay
    decoupled  AdamW; false: Adam without weight decay
    """

    phase: Phase
    rate: float
    decay: float = 0.0
    decoupled: bool = True


# Leygue et al. (2025), section 2.3: AdamW; the head, the upper transformer layers, everything.
ATTENTIVE = (Stage("head", 1e-5, 0.01), Stage("upper", 3e-6, 0.01), Stage("all", 1e-6, 0.01))

# Porjazovski et al. (2024), section 4: Adam (the paper gives no rate), the convolutions frozen throughout.
SEGMENTAL = (Stage("transformer", 1e-5, decoupled=False),)

# Casals-Salvador et al. (2024), section 4: AdamW at 5e-5; by the authors' code the encoders stay frozen. The weight
# decay is that of "top 1".
EMOSPEECH = (Stage("head", 5e-5, 0.01),)

# Goel et al. (2024), section 4.2: Adam at 5e-5; by the authors' code Whisper stays frozen.
CAMULENET = (Stage("head", 5e-5, decoupled=False),)

# Lertpetchpun et al. (2025), section 3.2: 5e-5 (the optimizer is not named; AdamW), WavLM fine-tuned as a whole.
ATTRIBUTES = (Stage("all", 5e-5, 0.0),)


class Unfreezable(Protocol):
    """A model whose encoders can be frozen."""

    def set_phase(self, phase: Phase, upper: int = 4) -> None: ...

    def parameters(self) -> Iterator[nn.Parameter]: ...


def enter(model: Unfreezable, stage: Stage, upper: int = 4) -> torch.optim.Adam:
    """Freeze and unfreeze `model` for a stage and return the optimizer over its trained parameters."""
    model.set_phase(stage.phase, upper)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if stage.decoupled:
        return torch.optim.AdamW(trained, lr=stage.rate, weight_decay=stage.decay)
    return torch.optim.Adam(trained, lr=stage.rate)


def warm_up_then_cosine(steps: int, warm_up: int) -> Callable[[int], float]:
    """Factor of the learning rate at each of `steps`: rising linearly for `warm_up`, then falling as a cosine to 0."""

    def factor(step: int) -> float:
        if step < warm_up:
            return (step + 1) / warm_up
        done = (step - warm_up) / max(1, steps - warm_up)
        return 0.5 * (1 + math.cos(math.pi * min(1.0, done)))

    return factor
