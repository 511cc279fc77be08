"""Make the graph of a model, beside its weights. Needs torch, and the package onnx (the extra `onnx`)."""

from importlib.util import find_spec
from pathlib import Path

import msgspec
import numpy as np
import torch

from ..cards import GRAPH_FILE, VOICE, WEIGHTS_FILE, Card, digest
from ..cards.arrays import parse_arrays, places_of
from ..cards.files import replace_files
from ..cards.folder import CARD_FILE, encode_json
from ..errors import ModelError, UsageError
from ..small.model import SmallModel
from ..stages import whole_window
from ..store import find_model, is_public, load_model
from .load import ARCHITECTURE, graph_weights
from .session import GraphSession

CLOSE = 1e-5


def export(name: str | Path, out: Path | None = None) -> Path:
    """Write `graph.onnx` beside a model's weights, and its SHA-256 into the card; the path of the graph.

    out  a folder for a copy of the model with its graph; None writes into the model's own folder

    UsageError for a model of which no graph can be made, or where onnx is not installed; what `load_model` raises.
    """
    if is_public(name):
        raise UsageError(
            f"{name}: no graph can be made of a public checkpoint, only of the architecture {ARCHITECTURE}"
        )
    folder = find_model(name)
    card = VOICE.read_card(folder)
    if card.architecture != ARCHITECTURE:
        raise UsageError(f"{card.id} is a {card.architecture}; a graph can be made of the architecture {ARCHITECTURE}")
    if find_spec("onnx") is None:
        raise UsageError("to make a graph, onnx is needed: `pip install emoscope[onnx]` (to run one, it is not)")
    from ..small.graph import small_graph

    target = folder if out is None else out
    if out is not None and (out / CARD_FILE).exists():
        raise UsageError(f"{out} already holds a model; give another folder")
    model = load_model(name)
    assert isinstance(model, SmallModel)
    weights = folder / WEIGHTS_FILE
    content = weights.read_bytes()
    graph = small_graph(model, places_of(content, weights), WEIGHTS_FILE)
    _check(model, GraphSession(graph, graph_weights(parse_arrays(content, weights), card), target / GRAPH_FILE))
    target.mkdir(parents=True, exist_ok=True)
    written: Card = msgspec.structs.replace(card, graph_sha256=digest(graph))
    copied = {} if out is None else {WEIGHTS_FILE: content}
    replace_files(target, {**copied, GRAPH_FILE: graph, CARD_FILE: encode_json(written)})
    return target / GRAPH_FILE


def _check(model: SmallModel, session: GraphSession) -> None:
    """ModelError where the graph computes something else than the model, which would be a mistake of the code here."""
    contract = model.contract
    noise = np.random.default_rng(0).standard_normal((2, contract.lookback + contract.window))
    audio = (0.05 * noise).astype(np.float32)
    with torch.inference_mode():
        expected = model.encoder(model.frontend(torch.from_numpy(audio)), None)
    off = float(np.abs(session(whole_window(model.config.stages, audio)).features - expected.numpy()).max())
    if not off < CLOSE:
        raise ModelError(f"{contract.id}: the graph's features are off by {off:.2g}; nothing was written")
