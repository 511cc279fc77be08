"""A model on disk: its card, and the files beside it. Only `weights` imports torch.

card     the card of a voice model
folder   finding, reading, checking and writing a model's folder, whatever its kind
arrays   safetensors as NumPy arrays
weights  safetensors as tensors, and whether they fit a network
files    files that are written whole or not at all, and their digests
"""

from .card import FORMAT as FORMAT
from .card import VOICE as VOICE
from .card import Audio as Audio
from .card import CalibrationCard as CalibrationCard
from .card import Card as Card
from .card import Corpus as Corpus
from .card import Score as Score
from .card import check_labels as check_labels
from .card import read_card as read_card
from .card import write_card as write_card
from .files import digest as digest
from .files import replace_file as replace_file
from .folder import CARD_FILE as CARD_FILE
from .folder import GRAPH_FILE as GRAPH_FILE
from .folder import TOKENIZER_FILE as TOKENIZER_FILE
from .folder import WEIGHTS_FILE as WEIGHTS_FILE
from .folder import FolderKind as FolderKind

__all__ = [
    "CARD_FILE",
    "FORMAT",
    "GRAPH_FILE",
    "TOKENIZER_FILE",
    "VOICE",
    "WEIGHTS_FILE",
    "Audio",
    "CalibrationCard",
    "Card",
    "Corpus",
    "FolderKind",
    "Score",
    "check_labels",
    "digest",
    "read_card",
    "replace_file",
    "write_card",
]
