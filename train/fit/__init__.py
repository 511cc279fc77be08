"""The training loop that every recipe uses: phases, schedules, averaged weights, checkpoints, mixed precision.

loop        `fit`: the loop itself
training    what a recipe hands in: its phases, its batches, its step function
run         the state of a running training, saved and restored
optimizers  parameter groups
schedules   learning rates, by torch's schedulers
averaging   exponential moving average of the weights, by torch's AveragedModel
stopping    early stopping, and the weights of the best epoch
concordance  the loss of dimensions, 1 - CCC
devices     accelerate: device, mixed precision, gradient accumulation
memory      what to set where a batch needs more memory than there is
curves      loss, rate and score of each step and epoch, for tensorboard
checkpoint  safetensors files with their state as JSON
"""

from .averaging import AverageConfig
from .loop import fit
from .optimizers import decay_groups
from .schedules import Plateau, Schedule, one_cycle, scaled_by
from .training import Fitted, LoopConfig, Phase, Position, Step, Training, fingerprint

__all__ = [
    "AverageConfig",
    "Fitted",
    "LoopConfig",
    "Phase",
    "Plateau",
    "Position",
    "Schedule",
    "Step",
    "Training",
    "decay_groups",
    "fingerprint",
    "fit",
    "one_cycle",
    "scaled_by",
]
