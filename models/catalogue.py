"""Every model that a user can name: those that ship, the published systems to train, and public checkpoints."""

import math
from dataclasses import dataclass
from pathlib import Path

import safetensors
import torch

from .cards import WEIGHTS_FILE, Card, Score, read_card
from .cards.arrays import whole_file
from .checkpoints import (
    FAMILIES,
    ROWS,
    Row,
    find_checkpoint,
    labels_and_dimensions,
    load_checkpoint,
    map_labels,
    public_card,
    row_of,
)
from .errors import NotCached, UsageError
from .external import BEST, REPOSITORY, resolve
from .store import card_of, find_model, is_public, load_model, shipped
from .systems import FACTS, SYSTEMS, build, published_scores

MEASURED = "measured here"


@dataclass(frozen=True)
class Entry:
    """One model, as `emoscope models show` prints it.

    source      where it comes from: weights that ship, a folder, or a recipe that makes them
    parts       its encoders, or other things it is made of
    parameters  how many; published: scores that a paper reports; measured: scores of these very weights
    reach_s     how far a frame's context goes; 0 where that is its window
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
    reach_s: float = 0.0


STATISTICS = (".running_mean", ".running_var", ".num_batches_tracked")


def names() -> list[str]:
    """Names of all models: shipped ones first, then the published systems, then public checkpoints."""
    return [*shipped(), *(name for name in SYSTEMS if name not in shipped()), *(row.id for row in ROWS)]


def entry(name: str) -> Entry:
    """A shipped model, a published system or a public checkpoint by name, or the model in a folder."""
    name = resolve(name)
    if is_public(name):
        row = row_of(name)
        return _known(name, row) if row is not None and not Path(name).is_dir() else _public(name)
    if name in SYSTEMS and name not in shipped():
        return _system(name)
    if name not in shipped() and not Path(name).is_dir():
        raise UsageError(f"no model {name!r}; there are {', '.join(names())}, or give a folder or a hub id")
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
        reach_s=card.audio.reach / card.audio.sample_rate,
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
        reach_s=contract.reach / contract.sample_rate,
        licence="code Apache-2.0; trained weights take the licences of their encoders and data",
        published=tuple(published_scores(name)),
        measured=(),
        notes=FACTS.get(name, ()),
    )


def _known(name: str, row: Row) -> Entry:
    """A public checkpoint that is known by name, whether it is on this machine or not."""
    family = next(family for family in FAMILIES if family.name == row.family)
    mapped = map_labels(row.outputs, name)
    labels, dimensions = labels_and_dimensions(mapped)
    return Entry(
        name=name,
        title=f"public checkpoint ({family.name})",
        source=_place(name),
        architecture=row.parts,
        parts=(),
        parameters=row.parameters,
        labels=labels,
        dimensions=dimensions,
        window_s=family.seconds[0],
        hop_s=family.seconds[1],
        licence=row.licence,
        published=row.published,
        measured=(),
        notes=(family.merging, *family.notes, *row.notes),
    )


def _public(name: str) -> Entry:
    """A public checkpoint on this machine, of which nothing but its own files is known."""
    card, parameters = card_of(name), load_model(name).parameter_count
    return Entry(
        name=card.id,
        title=f"public checkpoint ({card.config['family']})",
        source=_place(name),
        architecture=card.architecture,
        parts=(),
        parameters=parameters,
        labels=tuple(card.labels),
        dimensions=tuple(card.dimensions),
        window_s=card.audio.window / card.audio.sample_rate,
        hop_s=card.audio.hop / card.audio.sample_rate,
        reach_s=card.audio.reach / card.audio.sample_rate,
        licence=card.licence,
        published=tuple(card.scores),
        measured=(),
        notes=tuple(card.notes),
    )


def _place(name: str) -> str:
    try:
        return str(find_checkpoint(name))
    except NotCached:
        return f"the hub; not here: `emoscope models pull {name}`"


@dataclass(frozen=True)
class Checked:
    """What `emoscope models check` has found: the model opened, every weight where it belongs.

    label_map  a line an output: what the checkpoint calls it, and its name here
    fitted     how many tensors were loaded
    """

    card: Card
    place: str
    label_map: tuple[str, ...]
    fitted: int


def check_copy(name: str, copy: Path) -> Checked:
    """Open a copy of the public checkpoint `name`, which is not kept yet; raises what `load_checkpoint` raises."""
    card, model = public_card(name, copy), load_checkpoint(name, copy)
    return Checked(card, str(copy), tuple(card.config["outputs"]), len(model.state_dict()))


def check(name: str) -> Checked:
    """Open a model, by name or folder, and say what was verified; raises what `load_model` raises."""
    name = resolve(name)
    if name in SYSTEMS and name not in shipped() and not Path(name).is_dir():
        raise UsageError(f"{name} has no weights to check: train it, or give the folder of weights that were")
    card, model = card_of(name), load_model(name)
    public = is_public(name)
    lines = card.config["outputs"] if public else [f"{i} {label}" for i, label in enumerate(card.labels)]
    place = find_checkpoint(name) if public else find_model(name)
    return Checked(card, str(place), tuple(lines), len(model.state_dict()))
