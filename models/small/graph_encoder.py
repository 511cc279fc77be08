"""The encoder of `small` in its graph: frames of the front end to feature frames and their attention scores.

It has three parts, and takes before the input of each what was made of earlier frames: see `models.stages`. A shortcut
is pooled before its 1x1 convolution, not after, which leaves fewer frames to both. Convolutions over time alone are in
two dimensions too, since those are the faster ones.
"""

import math
from typing import Any

from ..small_config import ROW
from ..stages import FEATURES, FRONT, LATE, MIDDLE, NEW_LATE, NEW_MIDDLE, PLACES, SCORES
from .encoder import Layer, SpectralBlock, Stack, TemporalBlock
from .graph_writer import END, GraphWriter
from .model import SmallModel


def encoder_nodes(graph: GraphWriter, model: SmallModel, frames: str) -> None:
    """Features and scores of the front end's new frames (B, bands + lags, T) and of what is kept of earlier ones."""
    drop_middle, drop_late = (graph.slice(PLACES, place, place + 1, 0) for place in (3, 4))
    middle = _middle(graph, model, graph.add("Concat", FRONT, frames, axis=2))
    middle = graph.slice_from(middle, drop_middle, 2, name=NEW_MIDDLE)
    late = _late(graph, model, graph.add("Concat", MIDDLE, middle, axis=2))
    late = graph.slice_from(late, drop_late, 2, name=NEW_LATE)
    features = _features(graph, model, graph.add("Concat", LATE, late, axis=2))
    _scores(graph, model, features)


def _middle(graph: GraphWriter, model: SmallModel, frames: str) -> str:
    """All layers over mel bands but the last block, and those over periodicity: (B, C, T / stride)."""
    encoder, bands = model.encoder, model.frontend.bands
    image = graph.add("Unsqueeze", frames, graph.whole(1))
    last = len(encoder.mel.layers) - 1
    mel = _layers(graph, encoder.mel, "encoder.mel", range(last), graph.slice(image, 0, bands, 2))
    flat = _flat(graph, mel, model.config.mel_width)
    if encoder.pitch is None:
        return flat
    every = range(len(encoder.pitch.layers))
    pitch = _layers(graph, encoder.pitch, "encoder.pitch", every, graph.slice(image, bands, END, 2))
    return graph.add("Concat", flat, _flat(graph, pitch, encoder.pitch.width), axis=1)


def _late(graph: GraphWriter, model: SmallModel, middle: str) -> str:
    """The last block over mel bands, and the layer that joins both: (B, dim, T)."""
    encoder, width = model.encoder, model.config.mel_width
    last = len(encoder.mel.layers) - 1
    rows = graph.whole(0, model.config.channels[2], model.frontend.bands // ROW, -1)
    image = graph.add("Reshape", graph.slice(middle, 0, width, 1), rows)
    mel = _layers(graph, encoder.mel, "encoder.mel", range(last, last + 1), image)
    flat = graph.add("Reshape", mel, graph.whole(0, encoder.mel.width, 1, -1))
    if encoder.pitch is not None:
        pitch = graph.add("Unsqueeze", graph.slice(middle, width, END, 1), graph.whole(2))
        flat = graph.add("Concat", flat, pitch, axis=1)
    return graph.add("Squeeze", _conv(graph, flat, "encoder.project", biased=True, unsqueeze=(2, 3)), graph.whole(2))


def _features(graph: GraphWriter, model: SmallModel, late: str) -> str:
    """The layers over time, and what ends them: (B, T, dim)."""
    encoder = model.encoder
    x = graph.add("Unsqueeze", late, graph.whole(2))
    for number, block in enumerate(encoder.blocks):
        assert isinstance(block, TemporalBlock)
        name = f"encoder.blocks.{number}"
        (padding,), (dilation,) = _tuple(block.layer.convolution.padding), _tuple(block.layer.convolution.dilation)
        y = _conv(graph, x, f"{name}.layer.convolution", unsqueeze=(2,),
                  pads=[0, padding, 0, padding], dilations=[1, dilation])  # fmt: skip
        y = graph.add("Relu", _norm(graph, y, f"{name}.layer.norm"))
        x = graph.add("Add", x, _conv(graph, y, f"{name}.out", biased=True, unsqueeze=(2,)))
    x = graph.add("Transpose", graph.add("Squeeze", x, graph.whole(2)), perm=[0, 2, 1])
    x = graph.add(
        "LayerNormalization", x, graph.weight("encoder.norm.weight"), graph.weight("encoder.norm.bias"),
        axis=-1, epsilon=encoder.norm.eps,
    )  # fmt: skip
    bell = graph.add("Add", graph.add("Erf", graph.add("Div", x, graph.constant(math.sqrt(2)))), graph.constant(1.0))
    return graph.add("Mul", graph.add("Mul", x, bell), graph.constant(0.5), name=FEATURES)


def _flat(graph: GraphWriter, x: str, width: int) -> str:
    """(B, channels, rows, T) as (B, width, T)."""
    return graph.add("Reshape", x, graph.whole(0, width, -1))


def _layers(graph: GraphWriter, stack: Stack, name: str, numbers: range, x: str) -> str:
    """Some layers over frequency and time."""
    for number in numbers:
        layer, inner = stack.layers[number], f"{name}.layers.{number}"
        x = _spectral(graph, layer, inner, x) if isinstance(layer, SpectralBlock) else _layer(graph, layer, inner, x)
    return x


def _layer(graph: GraphWriter, layer: Any, name: str, x: str) -> str:
    assert isinstance(layer, Layer)
    x = _conv(graph, x, f"{name}.convolution", **_shape_of(layer.convolution))
    return graph.add("Relu", _norm(graph, x, f"{name}.norm"))


def _spectral(graph: GraphWriter, block: SpectralBlock, name: str, x: str) -> str:
    stride = list(block.pool.stride)  # type: ignore[arg-type]
    pooled = graph.add("AveragePool", x, kernel_shape=stride, strides=stride)  # there is a whole number of strides
    short = _conv(graph, pooled, f"{name}.shortcut")
    y = _layer(graph, block.first, f"{name}.first", x)
    y = _norm(graph, _conv(graph, y, f"{name}.second", **_shape_of(block.second)), f"{name}.second_norm")
    return graph.add("Relu", graph.add("Add", y, short))


def _tuple(values: Any) -> tuple[int, ...]:
    return tuple(values)


def _shape_of(convolution: Any) -> dict[str, Any]:
    return {"strides": list(convolution.stride), "pads": [*convolution.padding, *convolution.padding]}


def _conv(
    graph: GraphWriter, x: str, name: str, *, biased: bool = False, unsqueeze: tuple[int, ...] = (), **shape: Any
) -> str:
    """A convolution; `unsqueeze` names the axes that a weight of fewer dimensions lacks."""
    kernel = graph.weight(f"{name}.weight")
    if unsqueeze:
        kernel = graph.add("Unsqueeze", kernel, graph.whole(*unsqueeze))
    bias = [graph.weight(f"{name}.bias")] if biased else []
    return graph.add("Conv", x, kernel, *bias, **shape)


def _norm(graph: GraphWriter, x: str, name: str) -> str:
    """Batch normalisation; a runtime folds it into the convolution before it."""
    values = [graph.weight(f"{name}.{part}") for part in ("weight", "bias", "running_mean", "running_var")]
    return graph.add("BatchNormalization", x, *values, epsilon=1e-5)


def _scores(graph: GraphWriter, model: SmallModel, features: str) -> None:
    """Attention scores (B, T, queries x heads), each from its head's part of the features."""
    pooling = model.pooling
    raw = graph.add(
        "Conv", graph.add("Transpose", features, perm=[0, 2, 1]),
        graph.weight("pooling.scorer.weight"), graph.weight("pooling.scorer.bias"), group=pooling.heads,
    )  # fmt: skip
    apart = graph.add("Reshape", raw, graph.whole(0, pooling.heads, pooling.queries, -1))
    ordered = graph.add("Transpose", apart, perm=[0, 3, 2, 1])
    graph.add("Reshape", ordered, graph.whole(0, 0, pooling.queries * pooling.heads), name=SCORES)
