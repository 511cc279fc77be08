"""Load and save text branches by name or folder."""

from pathlib import Path

import msgspec
import safetensors
import safetensors.torch
import torch

from ..cards import CARD_FILE, WEIGHTS_FILE, digest, replace_file
from ..errors import CardInvalid, HeadMismatch, NotCached
from ..store import SHIPPED, TEXT_PREFIX
from .branch import TextBranch
from .card import VOCABULARY_FILE, TextCard, read_text_card, read_vocabulary, write_json
from .network import TextConfig, TextNetwork
from .words import Vocabulary


def shipped_text() -> list[str]:
    """Names of the text branches that come with the package."""
    return sorted(
        p.name.removeprefix(TEXT_PREFIX) for p in SHIPPED.glob(f"{TEXT_PREFIX}*") if (p / WEIGHTS_FILE).is_file()
    )


def load_text_branch(name_or_folder: str | Path = "goemotions") -> TextBranch:
    """A text branch ready to read, on the CPU.

    Raises NotCached (no such name or folder), CardInvalid, or HeadMismatch (weights missing, unexpected, of another
    shape, or altered).
    """
    folder = _find(name_or_folder)
    card = read_text_card(folder)
    vocabulary = read_vocabulary(folder)
    try:
        content = (folder / WEIGHTS_FILE).read_bytes()
        said = digest((folder / VOCABULARY_FILE).read_bytes())
    except OSError as error:
        raise CardInvalid(f"{error.filename}: {error.strerror}") from None
    for path, found, expected in (
        (WEIGHTS_FILE, digest(content), card.weights_sha256),
        (VOCABULARY_FILE, said, card.vocabulary_sha256),
    ):
        if found != expected:
            raise HeadMismatch(
                f"{folder / path}: its SHA-256 is not the one in the card: half-written, altered, or another model's; "
                "copy all files again"
            )
    try:
        weights = safetensors.torch.load(content)
    except (safetensors.SafetensorError, ValueError) as error:
        raise HeadMismatch(f"{folder / WEIGHTS_FILE}: not a whole safetensors file: {error}") from None
    # Shapes first, without memory: a card must not make us allocate what its weights do not hold.
    with torch.device("meta"):
        expected_shapes = {name: tuple(t.shape) for name, t in _network(folder, card, vocabulary).state_dict().items()}
    shapes = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    if shapes != expected_shapes:
        wrong = sorted(n for n in shapes.keys() | expected_shapes.keys() if shapes.get(n) != expected_shapes.get(n))
        raise HeadMismatch(f"{folder}: weights do not fit the card: missing, unexpected or of another shape: {wrong}")
    network = _network(folder, card, vocabulary)
    network.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    return TextBranch(card, vocabulary, network)


def _find(name: str | Path) -> Path:
    if isinstance(name, str) and name in shipped_text():
        return SHIPPED / f"{TEXT_PREFIX}{name}"
    if Path(name).is_dir():
        return Path(name)
    raise NotCached(
        f"no text branch {str(name)!r} here: neither shipped ({', '.join(shipped_text()) or 'none'}) nor a folder; "
        "`emoscope train text` makes one"
    )


def _network(folder: Path, card: TextCard, vocabulary: Vocabulary) -> TextNetwork:
    try:
        config = TextConfig(**card.config)
        fits = (config.words, config.buckets, config.classes)
        if fits != (len(vocabulary.words), vocabulary.buckets, len(card.classes)):
            raise ValueError(f"words, buckets and classes are {fits}, not those of the vocabulary and the card")
        return TextNetwork(config)
    except Exception as error:  # a card is untrusted: whatever its config makes a constructor do is the card's fault
        raise CardInvalid(f"{folder}: the card's config does not build a text branch: {error}") from None


def save_text_branch(branch: TextBranch, folder: Path) -> TextCard:
    """Write vocabulary, weights (in half precision) and, last, the card with their SHA-256; returns it as written."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.detach().half().contiguous() for name, tensor in branch.network.state_dict().items()}
    content = safetensors.torch.save(tensors)
    replace_file(folder / WEIGHTS_FILE, content)
    write_json(folder / VOCABULARY_FILE, branch.tokenizer.vocabulary)
    card = msgspec.structs.replace(
        branch.card,
        weights_sha256=digest(content),
        vocabulary_sha256=digest((folder / VOCABULARY_FILE).read_bytes()),
    )
    write_json(folder / CARD_FILE, card)
    return card
