"""Public checkpoints of emotion, by the hub's name or from a folder, a file each family.

find        where a checkpoint lies, and how to get it
read        its tensors, without running code
labels      what its outputs are called, checked and mapped onto the project's names
parts       what a family is; classifier, vox_profile, odyssey, speechbrain and text are the families
model       a checkpoint of the voice as a model that a stream can run
load        all of this, and every weight fitted
rows        the checkpoints that are known by name
"""

from .find import fetch as fetch
from .find import find_checkpoint as find_checkpoint
from .find import is_checkpoint as is_checkpoint
from .find import keep as keep
from .load import load_checkpoint as load_checkpoint
from .model import CheckpointModel as CheckpointModel
from .rows import ROWS as ROWS
from .rows import row_of as row_of

__all__ = [
    "ROWS",
    "CheckpointModel",
    "fetch",
    "find_checkpoint",
    "is_checkpoint",
    "keep",
    "load_checkpoint",
    "row_of",
]
