"""Every model that a user can name: those that ship, and the published systems that they can train."""

import math
from dataclasses import dataclass
from pathlib import Path

import safetensors
import torch

from .cards import WEIGHTS_FILE, Score, read_card
from .cards.weights import whole_file
from .errors import UsageError
from .external import BEST, REPOSITORY
from .store import find_model, shipped
from .systems import FACTS, SYSTEMS, build, published_scores

MEASURED = "measured here"


@dataclass(frozen=True)
class Entry:
    """One model, as `emoscope models show` prints it.

    source      where it comes from: weights that ship, a folder, or a recipe that makes them
    parts       its encoders, or other things it is made of
    parameters  how many; published: scores that a paper reports; measured: scores of these very weights
    """

    name: str
    title: str
    source: str
    architecture: str
    parts: tuple[str, ...]
    parameters: int
    labels: tuple[str, ...]
    dimensions: tuple[str, ...]
    window_s: float
    hop_s: float
    licence: str
    published: tuple[Score, ...]
    measured: tuple[Score, ...]
    notes: tuple[str, ...]


STATISTICS = (".running_mean", ".running_var", ".num_batches_tracked")


def names() -> list[str]:
    """Names of all models: shipped ones first."""
    return [*shipped(), *(name for name in SYSTEMS if name not in shipped())]


def entry(name: str) -> Entry:
    """A shipped model or a published system by name, or the model in a folder."""
    if name in SYSTEMS and name not in shipped():
        return _system(name)
    if name not in shipped() and not Path(name).is_dir():
        raise UsageError(f"no model {name!r}; there are {', '.join(names())}, or give a folder")
    return _folder(name)


def _folder(name: str) -> Entry:
    folder = find_model(name)
    card = read_card(folder)
    path = folder / WEIGHTS_FILE
    with whole_file(path), safetensors.safe_open(path, "np") as weights:
        # Running statistics of a normalisation are saved too, but are no parameters.
        learned = [key for key in weights.keys() if not key.endswith(STATISTICS)]  # noqa: SIM118
        shapes = [weights.get_slice(key).get_shape() for key in learned]
    return Entry(
        name=card.id,
        title=f"version {card.version}",
        source="ships with emoscope" if name in shipped() else str(folder),
        architecture=card.architecture,
        parts=(f"the lower layers of {REPOSITORY}, your own copy",) if card.architecture == BEST else (),
        parameters=sum(math.prod(shape) for shape in shapes) + int(card.training.get("parameters_of_the_encoder", 0)),
        labels=tuple(card.labels),
        dimensions=tuple(f"{d} (derived)" if card.derived else d for d in card.dimensions),
        window_s=card.audio.window / card.audio.sample_rate,
        hop_s=card.audio.hop / card.audio.sample_rate,
        licence=card.licence,
        published=tuple(score for score in card.scores if score.source != MEASURED),
        measured=tuple(score for score in card.scores if score.source == MEASURED),
        notes=tuple(card.notes),
    )


def _system(name: str) -> Entry:
    system = SYSTEMS[name]
    with torch.device("meta"):
        model = build(name)
    contract = model.contract
    return Entry(
        name=name,
        title=system.title,
        source="no weights ship: built from public encoders and trained on your own data",
        architecture=name,
        parts=tuple(f"{field}: {checkpoint}" for field, checkpoint in system.encoders.items()),
        parameters=sum(p.numel() for p in model.parameters()),
        labels=contract.labels,
        dimensions=contract.dimensions,
        window_s=contract.window_s,
        hop_s=contract.hop / contract.sample_rate,
        licence="code Apache-2.0; trained weights take the licences of their encoders and data",
        published=tuple(published_scores(name)),
        measured=(),
        notes=FACTS.get(name, ()),
    )
