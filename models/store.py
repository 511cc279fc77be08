"""Load and save voice models by name or folder."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from .cards import GRAPH_FILE, TOKENIZER_FILE, VOICE, WEIGHTS_FILE, Card, check_labels
from .cards.weights import build_fitted, encode_weights, parse_weights
from .contract import ModelContract
from .errors import CardInvalid
from .external import AUTO, resolve
from .model import StreamModel
from .reading import Calibration


class Builder(Protocol):
    """Anything that makes a model from what its card says."""

    def __call__(self, config: dict[str, Any], contract: ModelContract, calibration: Calibration) -> StreamModel: ...


# Module and class of each architecture: loaded on demand, so that `small` never waits for transformers.
ARCHITECTURES: dict[str, str] = {
    "small": "small.model:SmallModel",
    "attentive": "systems.attentive:AttentiveModel",
    "emospeech": "systems.emospeech:EmospeechModel",
    "emospeech-ensemble": "systems.ensemble:EmospeechEnsemble",
    "camulenet": "systems.camulenet:CamulenetModel",
    "attributes": "systems.attributes:AttributesModel",
    "attributes-ensemble": "systems.attributes_ensemble:AttributesEnsemble",
    "segmental": "systems.segmental:SegmentalModel",
    "whisper": "whisper.model:WhisperModel",
}

REACHING = ("small",)
"""Architectures whose frames depend on a bounded stretch of audio, so that windows may be cut into cells."""


def builder(architecture: str) -> Builder:
    """What builds an architecture from a card: its class's `from_card`."""
    module, name = ARCHITECTURES[architecture].split(":")
    made: Builder = getattr(import_module(f".{module}", __package__), name).from_card
    return made


def shipped() -> list[str]:
    """Names of the voice models that come with the package; `text.shipped_text` names the text branches."""
    return VOICE.shipped()


def find_model(name: str | Path) -> Path:
    """Folder of a shipped voice model's name, of `auto`, or of a path; NotCached if there is none."""
    return VOICE.find(resolve(name) if isinstance(name, str) else name)


def is_public(name: str | Path) -> bool:
    """Whether a name or folder means a public checkpoint, not one of our own models."""
    if isinstance(name, str) and (name in shipped() or name == AUTO):
        return False
    from .checkpoints.find import is_checkpoint

    return is_checkpoint(name)


def card_of(name: str | Path) -> Card:
    """The card of a model, or what a public checkpoint's configs say of it; no weight is read.

    Raises NotCached or CardInvalid.
    """
    if is_public(name):
        from .checkpoints import public_card

        return public_card(name)
    return VOICE.read_card(find_model(name))


def load_model(name: str | Path = "small") -> StreamModel:
    """A voice model ready to read, on the CPU, in eval mode.

    Raises CardInvalid, HeadMismatch (weights missing, unexpected, of another shape, or altered) or NotCached, also
    where the model needs a public encoder that is not on this machine. A name of the hub, or a folder in its layout,
    is a public checkpoint (`checkpoints`).
    """
    if is_public(name):
        from .checkpoints import load_checkpoint

        return load_checkpoint(name)
    folder = find_model(name)
    card = VOICE.read_card(folder)
    if card.architecture not in ARCHITECTURES:
        raise CardInvalid(
            f"{folder}: architecture {card.architecture!r} is unknown; known: {', '.join(sorted(ARCHITECTURES))}"
        )
    if card.audio.reach and card.architecture not in REACHING:
        raise CardInvalid(
            f"{folder}: a frame of the architecture {card.architecture!r} depends on its whole window, so the card "
            f"must have no `reach`; it has {card.audio.reach}"
        )
    contents = VOICE.read_files(folder, card, without=[GRAPH_FILE])
    weights, metadata = parse_weights(contents[WEIGHTS_FILE], folder / WEIGHTS_FILE)

    def make() -> StreamModel:
        return builder(card.architecture)(card.config, card.contract(), card.calibrated())

    model = build_fitted(folder, f"a {card.architecture}", make, weights)
    check_labels(folder, card, metadata)
    if TOKENIZER_FILE in contents:
        _give_tokenizer(model, contents[TOKENIZER_FILE], folder / TOKENIZER_FILE)
    return model.load_external()


def _give_tokenizer(model: StreamModel, content: bytes, path: Path) -> None:
    from .encoders import TextTokenizer
    from .text_model import TextModel

    if not isinstance(model, TextModel):
        raise CardInvalid(f"{path}: a tokenizer, but a {model.architecture} reads no words")
    model.take_tokenizer(TextTokenizer(content, path), path)


def save_model(model: StreamModel, card: Card, folder: Path) -> Card:
    """Write a model's weights, its tokenizer if it has one, and the card with their SHA-256, all or none.

    Returns the card as written.
    """
    contents = {WEIGHTS_FILE: encode_weights(model, metadata={"labels": json.dumps(card.labels)})}
    if (tokenizer := getattr(model, "tokenizer", None)) is not None:
        contents[TOKENIZER_FILE] = tokenizer.content
    return VOICE.write(folder, card, contents)
