"""What can go wrong while training, and what to do about it.

TrainingError                 (an emoscope.models.EmoscopeError)
+-- CorpusMissing             no such folder, or nothing of the corpus in it
+-- CorpusInvalid             files missing, renamed or unreadable: names them
+-- UnknownLabel              a label that the corpus's map does not hold
+-- ClipUnusable              a clip too short or too silent to learn from
+-- SpeakerLeak               one speaker on two sides of a split
+-- SplitInvalid              a side of a split without clips, or without one of its classes
+-- CheckpointInvalid         a saved training that does not fit, or is broken
+-- OutOfMemory               a batch that needs more memory than there is: says what to set
+-- LossNotFinite             the loss became NaN or infinite: names the step
+-- Interrupted               stopped by the user; everything is saved, and the message says how to go on
"""

from collections.abc import Sequence

from emoscope.models.errors import EmoscopeError


class TrainingError(EmoscopeError):
    """Corpora, splits, recipes and runs."""


class CorpusMissing(TrainingError):
    """A corpus that is not where it was looked for."""


class CorpusInvalid(TrainingError):
    """A corpus whose files are not those its owners distribute."""


class UnknownLabel(CorpusInvalid):
    """A label that is none of the project's labels."""


class ClipUnusable(CorpusInvalid):
    """A clip that is empty, too short or unreadable."""


class SpeakerLeak(TrainingError):
    """A speaker on two sides of a split: every score would be too good."""


class SplitInvalid(TrainingError):
    """A split that cannot be trained or scored."""


class CheckpointInvalid(TrainingError):
    """A saved training that cannot be resumed."""


class OutOfMemory(TrainingError):
    """A batch that needs more memory than there is."""


class LossNotFinite(TrainingError):
    """NaN or infinity in the loss."""


class Interrupted(TrainingError):
    """Ctrl+C, after everything was saved."""


def listed(names: Sequence[str], most: int = 5) -> str:
    """The first few of many names, and how many more there are.

    >>> listed(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
