"""The text branch: words of a transcript to calibrated probabilities of the voice's labels."""

from .branch import TextBranch as TextBranch
from .branch import TextReading as TextReading
from .branch import TextState as TextState
from .reader import WordReader as WordReader
from .store import load_text_branch as load_text_branch
from .store import save_text_branch as save_text_branch
from .store import shipped_text as shipped_text

__all__ = [
    "TextBranch",
    "TextReading",
    "TextState",
    "WordReader",
    "load_text_branch",
    "save_text_branch",
    "shipped_text",
]
