"""The graph of `small` in the ONNX format: audio to feature frames and their attention scores. Needs the package onnx.

It is what an engine without torch runs. It holds no weights: each is external data, a place in the model's file of
weights, under the name that it has there. What the front end computes from its settings is in the graph.

Two things are written otherwise than in torch, with the same result but for rounding. The spectra are matrix products
of what is even and what is odd around the middle of a frame, which cost half of one with the whole frame; that of the
mel bands is halved once more.
A shortcut is pooled before its 1x1 convolution, not after, which leaves fewer frames to both.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from .encoder import Layer, SpectralBlock, Stack, TemporalBlock
from .frontend import FFT, LogMel
from .model import SmallModel
from .pitch import FFT as PITCH_FFT
from .pitch import PitchLags

OPSET, IR_VERSION = 17, 8  # the oldest with LayerNormalization, so that older runtimes read it too
END = 2**62
AUDIO, FEATURES, SCORES = "audio", "features", "scores"


class GraphWriter:
    """Nodes and constants, as they are added; each has a name that the next ones take."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.weights: list[str] = []

    def add(self, operation: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        """Add a node; the name of its output, which is `name` where one is given."""
        from onnx import helper

        output = name or f"{operation.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operation, list(inputs), [output], **attributes))
        return output

    def constant(self, values: npt.ArrayLike, kind: type = np.float32) -> str:
        """The name of an array that is in the graph."""
        from onnx import numpy_helper

        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(np.asarray(values, kind)), name))
        return name

    def whole(self, *values: int) -> str:
        """The name of an array of whole numbers."""
        return self.constant(values, np.int64)

    def weight(self, name: str) -> str:
        """The name of a weight, which is the one that it has in its file."""
        if name not in self.weights:
            self.weights.append(name)
        return name

    def slice(self, x: str, begin: int, end: int, axis: int, step: int = 1) -> str:
        """x[..., begin:end:step, ...] along an axis."""
        return self.add("Slice", x, *(self.whole(value) for value in (begin, end, axis, step)))


def small_graph(model: SmallModel, places: Mapping[str, tuple[int, int]], location: str) -> bytes:
    """The graph of a model.

    audio     (B, lookback + N)    in; samples of windows of one length
    features  (B, N / frame, dim)  out
    scores    (B, N / frame, G)    out; G = queries x heads, in the order of `Encoded.scores`

    places    where each weight begins in the file of weights, and how many bytes it has
    location  that file's name
    """
    from onnx import TensorProto, helper

    graph = GraphWriter()
    features = _encoder(graph, model, _frontend(graph, model))
    _scores(graph, model, features)
    weights = model.state_dict()
    inputs = [helper.make_tensor_value_info(AUDIO, TensorProto.FLOAT, ["batch", "samples"])]
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", "frames", name])
               for name in (FEATURES, SCORES)]  # fmt: skip
    external = [_external(name, tuple(weights[name].shape), places[name], location) for name in graph.weights]
    made = helper.make_model(
        helper.make_graph(graph.nodes, model.architecture, inputs, outputs, [*graph.constants, *external]),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="emoscope",
    )
    content: bytes = made.SerializeToString()
    return content


def _external(name: str, shape: tuple[int, ...], place: tuple[int, int], location: str) -> Any:
    from onnx import TensorProto

    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape, data_location=TensorProto.EXTERNAL)
    for key, value in (("location", location), ("offset", str(place[0])), ("length", str(place[1]))):
        tensor.external_data.add(key=key, value=value)
    return tensor


# --- the front end


def _frontend(graph: GraphWriter, model: SmallModel) -> str:
    """Levelled mel bands (B, bands, T) and periodicity (B, lags, T) below each other: (B, bands + lags, T)."""
    frontend = model.frontend
    memory, range_db = frontend.memory, frontend.range_db
    earlier = frontend.lookback - frontend.mel.lookback - (memory - 1) * frontend.hop
    mel = _mel_db(graph, frontend.mel, graph.slice(AUDIO, earlier, END, 1))
    peak = graph.add("Unsqueeze", graph.add("ReduceMax", mel, axes=[2], keepdims=0), graph.whole(1))
    loudest = graph.add("MaxPool", peak, kernel_shape=[memory], strides=[1])
    below = graph.add(
        "Sub", graph.slice(mel, memory - 1, END, 1), graph.add("Transpose", loudest, perm=[0, 2, 1])
    )  # fmt: skip
    half = range_db / 2
    raised = graph.add("Add", graph.add("Max", below, graph.constant(-range_db)), graph.constant(half))
    frames = graph.add("Div", raised, graph.constant(half / 2))
    if frontend.pitch is not None:
        audio = graph.slice(AUDIO, frontend.lookback - frontend.pitch.lookback, END, 1)
        frames = graph.add("Concat", frames, _periodicity(graph, frontend.pitch, audio), axis=2)
    return graph.add("Transpose", frames, perm=[0, 2, 1])


def _mel_db(graph: GraphWriter, mel: LogMel, audio: str) -> str:
    """Mel power in dB (B, frames, bands). The taper is even around the middle of a frame, its first sample is 0.

    Around the middle, sample i has the phase k i of bin k, and (-1)^i times that of bin FFT / 2 - k, mirrored. So the
    samples with an even and with an odd i are summed apart, for the lower half of the bins: what they add up to is the
    spectrum at k, and what they differ by that at FFT / 2 - k.
    """
    filters, half = mel.filters.numpy(), mel.length // 2
    heard = np.flatnonzero(filters.any(0))
    bins = np.arange(min(heard[0], FFT // 2 - heard[-1]), FFT // 4 + 1)
    taper = mel.taper.double().numpy()[half:]
    sums = []
    for parity in range(2):
        alternate = graph.slice(audio, parity, END, 1, 2)
        even, odd = _mirrored(graph, alternate, half // 2, mel.hop // 2, shared=parity == 0)
        cosines, sines = _waves(graph, 2 * math.pi / FFT * np.arange(parity, half, 2), taper[parity::2], bins)
        sums.append([graph.add("MatMul", even, cosines), graph.add("MatMul", odd, sines)])
    lower, upper = (_power(graph, operation, sums) for operation in ("Add", "Sub"))
    above = filters[:, FFT // 2 - bins].T * (bins < FFT // 4)[:, None]  # the bin in the middle is its own image
    bands = graph.add(
        "Add",
        graph.add("MatMul", lower, graph.constant(filters[:, bins].T)),
        graph.add("MatMul", upper, graph.constant(above)),
    )
    logarithm = graph.add("Log", graph.add("Add", bands, graph.constant(1e-16)))
    return graph.add("Mul", logarithm, graph.constant(10 / math.log(10)))


def _power(graph: GraphWriter, operation: str, sums: list[list[str]]) -> str:
    """Power of a spectrum whose cosines and sines are the sums, or the differences, of two."""
    parts = [graph.add(operation, one, other) for one, other in zip(*sums, strict=True)]
    return graph.add("Add", *(graph.add("Mul", part, part) for part in parts))


def _periodicity(graph: GraphWriter, pitch: PitchLags, audio: str) -> str:
    """Periodicity (B, frames, lags)."""
    half, bins = pitch.length // 2, len(pitch.kernel)
    taper = np.sin(math.pi * (0.5 + np.arange(half) / pitch.length)) ** 2  # a Hann window from its middle on
    cosines, sines = _waves(graph, 2 * math.pi / PITCH_FFT * np.arange(half), taper, np.arange(1, bins + 1))
    even, odd = _mirrored(graph, audio, half, pitch.hop, shared=True)
    sums = [graph.add("MatMul", even, cosines), graph.add("MatMul", odd, sines)]
    spectrum = graph.add("Add", *(graph.add("Mul", one, one) for one in sums))
    total = graph.add("Max", graph.add("ReduceSum", spectrum, graph.whole(-1)), graph.constant(1e-9))
    share = graph.add("Div", graph.add("MatMul", spectrum, graph.constant(pitch.kernel.numpy())), total)
    return graph.add("Clip", share, graph.constant(-2.0), graph.constant(2.0))


def _waves(
    graph: GraphWriter, phases: npt.NDArray[Any], taper: npt.NDArray[Any], bins: npt.NDArray[Any]
) -> tuple[str, str]:
    """Cosines and sines (samples, bins) under the taper, for what is even and what is odd around the middle."""
    angle = phases[:, None] * bins[None]
    cosines, sines = np.cos(angle) * taper[:, None], np.sin(angle) * taper[:, None]
    if phases[0] == 0:
        cosines[0] /= 2  # the middle sample is in the sum of both halves twice
    return graph.constant(cosines), graph.constant(sines)


def _mirrored(graph: GraphWriter, audio: str, half: int, hop: int, *, shared: bool) -> tuple[str, str]:
    """What is even and what is odd around the middle of frames of 2 x `half` samples, (B, frames, half) each.

    shared  the middle is a sample, which is in both halves; else it lies between two

    The audio is reversed once, so that the frames of what comes before the middle are copied as a whole.
    """
    reverse = graph.slice(audio, -half if shared else -half - 1, 0 if shared else -END, 1, -1)
    later = _framed(graph, graph.slice(audio, half, END, 1), half, hop)
    before = graph.slice(_framed(graph, reverse, half, hop), -1, -END, 1, -1)
    return graph.add("Add", later, before), graph.add("Sub", later, before)


def _framed(graph: GraphWriter, audio: str, length: int, hop: int) -> str:
    """Frames (B, frames, length) of audio (B, samples), put together from blocks, which are copied as a whole."""
    block = math.gcd(length, hop)
    count, step = length // block, hop // block
    blocks = graph.add("Reshape", audio, graph.whole(0, -1, block))
    parts = [graph.slice(blocks, i, i - count + 1 if i < count - 1 else END, 1, step) for i in range(count)]
    return graph.add("Concat", *parts, axis=2)


# --- the encoder; every tensor is (B, channels, rows, T), since convolutions in two dimensions are the faster ones


def _encoder(graph: GraphWriter, model: SmallModel, frames: str) -> str:
    """Features (B, T / stride, dim) of the front end's frames (B, bands + lags, T)."""
    encoder, bands = model.encoder, model.frontend.bands
    image = graph.add("Unsqueeze", frames, graph.whole(1))
    flat = _stack(graph, encoder.mel, "encoder.mel", graph.slice(image, 0, bands, 2))
    if encoder.pitch is not None:
        pitch = _stack(graph, encoder.pitch, "encoder.pitch", graph.slice(image, bands, END, 2))
        flat = graph.add("Concat", flat, pitch, axis=1)
    x = _conv(graph, flat, "encoder.project", biased=True, unsqueeze=(2, 3))
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


def _stack(graph: GraphWriter, stack: Stack, name: str, x: str) -> str:
    """Layers over frequency and time; their output as (B, width, 1, T)."""
    for number, layer in enumerate(stack.layers):
        inner = f"{name}.layers.{number}"
        x = _spectral(graph, layer, inner, x) if isinstance(layer, SpectralBlock) else _layer(graph, layer, inner, x)
    return graph.add("Reshape", x, graph.whole(0, stack.width, 1, -1))


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
