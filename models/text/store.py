"""Load and save text branches by name or folder."""

from pathlib import Path

import numpy as np

from ..cards import WEIGHTS_FILE
from ..cards.arrays import check_shapes, encode_arrays, parse_arrays
from ..cards.folder import decode_json, encode_json
from ..errors import CardInvalid
from .branch import TextBranch
from .card import TEXT, VOCABULARY_FILE, TextCard
from .config import TextConfig
from .words import Vocabulary


def shipped_text() -> list[str]:
    """Names of the text branches that come with the package."""
    return TEXT.shipped()


def load_text_branch(name_or_folder: str | Path = "goemotions") -> TextBranch:
    """A text branch ready to read, on the CPU.

    Raises NotCached (no such name or folder), CardInvalid, or HeadMismatch (weights missing, unexpected, of another
    shape, or altered).
    """
    folder = TEXT.find(name_or_folder)
    card = TEXT.read_card(folder)
    contents = TEXT.read_files(folder, card)
    vocabulary = decode_json(contents[VOCABULARY_FILE], Vocabulary, folder / VOCABULARY_FILE).checked()
    weights = parse_arrays(contents[WEIGHTS_FILE], folder / WEIGHTS_FILE)
    try:
        config = TextConfig(**card.config)
        sizes = (config.words, config.buckets, config.classes)
        if sizes != (len(vocabulary.words), vocabulary.buckets, len(card.classes)):
            raise ValueError(f"words, buckets and classes are {sizes}, not those of the vocabulary and the card")
        shapes = config.shapes()
    except (ArithmeticError, TypeError, ValueError) as error:
        raise CardInvalid(f"{folder}: the card's config does not build a text branch: {error}") from None
    check_shapes(shapes, {name: array.shape for name, array in weights.items()}, folder)
    return TextBranch(card, vocabulary, weights)


def save_text_branch(branch: TextBranch, folder: Path) -> TextCard:
    """Write a branch's weights (in half precision), its vocabulary, and the card with their SHA-256, all or none.

    Returns the card as written.
    """
    contents = {
        WEIGHTS_FILE: encode_arrays({name: array.astype(np.float16) for name, array in branch.weights.items()}),
        VOCABULARY_FILE: encode_json(branch.tokenizer.vocabulary),
    }
    return TEXT.write(folder, branch.card, contents)
