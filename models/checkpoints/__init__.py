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
from .labels import LabelMap as LabelMap
from .labels import map_labels as map_labels
from .load import FAMILIES as FAMILIES
from .load import load_checkpoint as load_checkpoint
from .load import public_card as public_card
from .model import CheckpointModel as CheckpointModel
from .model import labels_and_dimensions as labels_and_dimensions
from .parts import Family as Family
from .rows import ROWS as ROWS
from .rows import Row as Row
from .rows import licence_warning as licence_warning
from .rows import row_of as row_of

__all__ = [
    "FAMILIES",
    "ROWS",
    "CheckpointModel",
    "Family",
    "LabelMap",
    "Row",
    "fetch",
    "find_checkpoint",
    "is_checkpoint",
    "keep",
    "labels_and_dimensions",
    "licence_warning",
    "load_checkpoint",
    "map_labels",
    "public_card",
    "row_of",
]
