"""A model's card: what its weights are, what they were trained on, and how well they score. Imports no torch.

card   the card of a voice model
files  files that are written whole or not at all, and their digests
"""

from .card import CARD_FILE as CARD_FILE
from .card import FORMAT as FORMAT
from .card import WEIGHTS_FILE as WEIGHTS_FILE
from .card import Audio as Audio
from .card import CalibrationCard as CalibrationCard
from .card import Card as Card
from .card import Corpus as Corpus
from .card import Score as Score
from .card import read_card as read_card
from .card import write_card as write_card
from .files import digest as digest
from .files import replace_file as replace_file

__all__ = [
    "CARD_FILE",
    "FORMAT",
    "WEIGHTS_FILE",
    "Audio",
    "CalibrationCard",
    "Card",
    "Corpus",
    "Score",
    "digest",
    "read_card",
    "replace_file",
    "write_card",
]
