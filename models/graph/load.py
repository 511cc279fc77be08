"""Load a model that has a graph, by name or folder, without torch."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..cards import GRAPH_FILE, VOICE, WEIGHTS_FILE, Card, check_labels
from ..cards.arrays import check_shapes, metadata_of, parse_arrays
from ..errors import CardInvalid, ModelError, UsageError
from ..external import resolve
from ..small_config import SmallConfig
from .model import GraphModel, head_shapes
from .session import GraphSession, has_runtime

ARCHITECTURE = "small"  # the one whose graph can be made


def graph_card(name: str | Path) -> Card | None:
    """The card of a model that has a graph; None for every other model, and for one that is not here or is not whole,
    of which whoever loads it will say what is wrong."""
    try:
        card = VOICE.read_card(VOICE.find(resolve(name) if isinstance(name, str) else name))
    except ModelError:
        return None
    return card if card.graph_sha256 and card.architecture == ARCHITECTURE else None


def runs_without_torch(name: str | Path) -> bool:
    """Whether a model has a graph, and onnxruntime is here to run it."""
    return has_runtime() and graph_card(name) is not None


def load_graph_model(name: str | Path = "small", threads: int = 1) -> GraphModel:
    """A model ready to read, on the CPU.

    UsageError for a model without a graph. CardInvalid, HeadMismatch (weights or graph altered, or not fitting each
    other) or NotCached as `load_model`; GraphUnusable where onnxruntime is not here or cannot run the graph.
    """
    folder = VOICE.find(resolve(name) if isinstance(name, str) else name)
    card = VOICE.read_card(folder)
    if not card.graph_sha256 or card.architecture != ARCHITECTURE:
        raise UsageError(
            f"--engine onnx: {card.id} has no graph; `emoscope models export {name} --onnx` makes that of a model of "
            f"the architecture {ARCHITECTURE!r}, and --engine torch runs every model"
        )
    contents = VOICE.read_files(folder, card)
    path = folder / WEIGHTS_FILE
    arrays = parse_arrays(contents[WEIGHTS_FILE], path)
    check_labels(folder, card, metadata_of(contents[WEIGHTS_FILE], path))
    with _described(folder):
        config = SmallConfig.from_card(card.config)
        config.check(card.contract())
        shapes = head_shapes(card)
        heads = {name: arrays[name].astype(np.float32) for name in shapes if name in arrays}
    check_shapes(shapes, {name: array.shape for name, array in heads.items()}, folder)
    session = GraphSession(contents[GRAPH_FILE], graph_weights(arrays, card), folder / GRAPH_FILE, threads)
    with _described(folder):
        model = GraphModel(card, session, config.stages, heads)
    if (wrong := model.misfit()) is not None:
        raise CardInvalid(f"{folder}: the card does not describe the graph beside it: {wrong}")
    return model


@contextmanager
def _described(folder: Path) -> Iterator[None]:
    """Raise CardInvalid where a model cannot be made from the card's config."""
    try:
        yield
    except (ArithmeticError, KeyError, TypeError, ValueError) as error:
        raise CardInvalid(f"{folder}: the card's config does not describe a {ARCHITECTURE}: {error!r}") from None


def graph_weights(arrays: Mapping[str, npt.NDArray[Any]], card: Card) -> dict[str, npt.NDArray[np.float32]]:
    """The weights that a model's graph has outside: all but those that follow it, and counters of the training."""
    after = head_shapes(card)
    return {name: array for name, array in arrays.items() if name not in after and array.dtype == np.float32}
