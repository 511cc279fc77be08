"""Load and save text branches by name or folder."""

from pathlib import Path

from ..cards import WEIGHTS_FILE
from ..cards.folder import decode_json, encode_json
from ..cards.weights import build_fitted, encode_weights, parse_weights
from .branch import TextBranch
from .card import TEXT, VOCABULARY_FILE, TextCard
from .network import TextConfig, TextNetwork
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
    weights, _ = parse_weights(contents[WEIGHTS_FILE], folder / WEIGHTS_FILE)

    def make() -> TextNetwork:
        config = TextConfig(**card.config)
        sizes = (config.words, config.buckets, config.classes)
        if sizes != (len(vocabulary.words), vocabulary.buckets, len(card.classes)):
            raise ValueError(f"words, buckets and classes are {sizes}, not those of the vocabulary and the card")
        return TextNetwork(config)

    floats = {name: tensor.float() for name, tensor in weights.items()}  # they are saved in half precision
    return TextBranch(card, vocabulary, build_fitted(folder, "a text branch", make, floats))


def save_text_branch(branch: TextBranch, folder: Path) -> TextCard:
    """Write a branch's weights (in half precision), its vocabulary, and the card with their SHA-256, all or none.

    Returns the card as written.
    """
    contents = {
        WEIGHTS_FILE: encode_weights(branch.network, half=True),
        VOCABULARY_FILE: encode_json(branch.tokenizer.vocabulary),
    }
    return TEXT.write(folder, branch.card, contents)
