"""Load and save models by name or folder."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from .cards import WEIGHTS_FILE, Card, digest, read_card, replace_file, write_card
from .contract import ModelContract
from .errors import CardInvalid, HeadMismatch, ModelError, NotCached
from .model import StreamModel
from .reading import Calibration

NAMED = 8  # names in an error's list

SHIPPED = Path(__file__).parent / "weights"
TEXT_PREFIX = "text-"  # before the name of a text branch, which reads words and hears nothing


class Builder(Protocol):
    """Anything that makes a model from what its card says."""

    def __call__(self, config: dict[str, Any], contract: ModelContract, calibration: Calibration) -> StreamModel: ...


# Module and class of each architecture: loaded on demand, so that `small` never waits for transformers.
ARCHITECTURES: dict[str, str] = {
    "small": "small.model:SmallModel",
    "attentive": "systems.attentive:AttentiveModel",
    "segmental": "systems.segmental:SegmentalModel",
}


def builder(architecture: str) -> Builder:
    """What builds an architecture from a card: its class's `from_card`."""
    module, name = ARCHITECTURES[architecture].split(":")
    made: Builder = getattr(import_module(f".{module}", __package__), name).from_card
    return made


def shipped() -> list[str]:
    """Names of the models of the voice that come with the package; `text.shipped_text` names those of words."""
    return sorted(
        p.name for p in SHIPPED.iterdir() if (p / WEIGHTS_FILE).is_file() and not p.name.startswith(TEXT_PREFIX)
    )


def find_model(name: str | Path) -> Path:
    """Folder of a shipped model's name or of a path; NotCached if there is none."""
    if isinstance(name, str) and name in shipped():
        return SHIPPED / name
    folder = Path(name)
    if folder.is_dir():
        return folder
    raise NotCached(
        f"no model {str(name)!r} here: neither shipped ({', '.join(shipped()) or 'none'}) nor a folder; "
        f"`--model small` works offline, or give a folder with card.json and {WEIGHTS_FILE}"
    )


def load_model(name: str | Path = "small") -> StreamModel:
    """A model ready to read, on the CPU, in eval mode.

    Raises CardInvalid, HeadMismatch (weights missing, unexpected, of another shape, or altered) or NotCached.
    """
    folder = find_model(name)
    card = read_card(folder)
    if card.architecture not in ARCHITECTURES:
        raise CardInvalid(
            f"{folder}: architecture {card.architecture!r} is unknown; known: {', '.join(sorted(ARCHITECTURES))}"
        )
    weights, labels = _read_weights(folder, card)
    # Shapes first, without memory: a card must not make us allocate what its weights do not hold.
    with torch.device("meta"):
        _check_fit(_build(folder, card), weights, folder)
    if labels != card.labels:
        raise HeadMismatch(
            f"{folder}: the card's labels are {card.labels}, but the weights were saved for "
            f"{'no labels that they name' if labels is None else labels}, in that order; the card is another model's, "
            "or was edited"
        )
    model = _build(folder, card)
    model.load_state_dict(weights)
    return model.eval()


def _build(folder: Path, card: Card) -> StreamModel:
    try:
        return builder(card.architecture)(card.config, card.contract(), card.calibrated())
    except CardInvalid:
        raise
    except Exception as error:  # a card is untrusted: whatever its config makes a constructor do is the card's fault
        raise CardInvalid(f"{folder}: the card's config does not build a {card.architecture}: {error}") from None


def _read_weights(folder: Path, card: Card) -> tuple[dict[str, Tensor], list[str] | None]:
    """The tensors, and the labels that they were saved with; None in a file that does not say."""
    path = folder / WEIGHTS_FILE
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}") from None
    if digest(content) != card.weights_sha256:
        raise HeadMismatch(
            f"{path}: its SHA-256 is not the one in the card: half-written, altered, or another model's; "
            "copy both files again"
        )
    try:
        return safetensors.torch.load(content), _saved_labels(content)
    except (safetensors.SafetensorError, ValueError, TypeError) as error:
        raise HeadMismatch(f"{path}: not a whole safetensors file: {error}") from None


def _saved_labels(content: bytes) -> list[str] | None:
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    labels = header.get("__metadata__", {}).get("labels")
    return None if labels is None else list(json.loads(labels))


def _check_fit(model: StreamModel, weights: dict[str, Tensor], folder: Path) -> None:
    expected = model.state_dict()
    missing = sorted(expected.keys() - weights.keys())
    unexpected = sorted(weights.keys() - expected.keys())
    reshaped = sorted(
        f"{name} {tuple(weights[name].shape)} instead of {tuple(expected[name].shape)}"
        for name in expected.keys() & weights.keys()
        if weights[name].shape != expected[name].shape
    )
    if missing or unexpected or reshaped:
        raise HeadMismatch(
            f"{folder}: weights do not fit the card: missing {_named(missing)}, unexpected {_named(unexpected)}, "
            f"other shape {_named(reshaped)}"
        )


def _named(names: list[str]) -> str:
    """A list of names, cut where nobody would read on."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{names[:NAMED]}{more}" if names else "none"


def save_model(model: StreamModel, card: Card, folder: Path) -> Card:
    """Write weights, then the card with their SHA-256; each whole or not at all. Returns the card as written."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    content = safetensors.torch.save(tensors, metadata={"labels": json.dumps(card.labels)})
    from msgspec.structs import replace

    card = replace(card, weights_sha256=digest(content))
    replace_file(folder / WEIGHTS_FILE, content)
    write_card(folder, card)
    return card
