"""The graph of Silero VAD for the chunks of many voices at once. To make it needs torch and onnx; to run it does not.

The network as its authors ship it takes the chunks of one voice, and spends most of its time on convolutions over four
frames, one chunk after the other. Here every layer is one matrix product for all chunks, and the recurrent layer goes
through all voices side by side, so that a chunk costs a third. There are no weights in it: each is external data,
under the name that it has in the file of the network (`silero.py`).

A row of a matrix product does not depend on how many rows there are, so a chunk's probability is the same, to the last
bit, whatever it is judged together with.

`python -m emoscope.streamer.engine.silero_graph` writes `silero.onnx` anew.
"""

from pathlib import Path
from typing import Any

import numpy as np

from emoscope.models.small.graph_writer import END, GraphWriter

from ..session.voice_activity import CHUNK, CONTEXT
from .silero import BASIS, BIAS, CONVOLUTIONS, GRAPH, HIDDEN, INPUTS, LSTM, OUTPUT, OUTPUTS, SHAPES

OPSET, IR_VERSION = 17, 8
HOP = 128  # samples between two spectra of a chunk; each sees 256
BINS = SHAPES[BASIS][0] // 2


def silero_graph() -> bytes:
    """The graph.

    chunks  (T * B, CONTEXT + CHUNK)  in; chunk t of voice b is row t * B + b
    h, c    (1, B, 128)               in and out; the network's memory of each voice
    probabilities  (T, B)             out
    """
    from onnx import TensorProto, helper

    graph = GraphWriter()
    _recurrent(graph, _encoded(graph, _spectra(graph)))
    kind, value = TensorProto.FLOAT, helper.make_tensor_value_info
    chunks, *memory = INPUTS
    probabilities, *remembered = OUTPUTS
    states = [[value(name, kind, [1, "voices", HIDDEN]) for name in names] for names in (memory, remembered)]
    external = [_external(name, shape) for name, shape in SHAPES.items()]
    made = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "silero",
            [value(chunks, kind, ["chunks", CONTEXT + CHUNK]), *states[0]],
            [value(probabilities, kind, ["count", "voices"]), *states[1]],
            [*graph.constants, *external],
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="emoscope",
    )
    content: bytes = made.SerializeToString()
    return content


def _external(name: str, shape: tuple[int, ...]) -> Any:
    from onnx import TensorProto

    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape, data_location=TensorProto.EXTERNAL)
    length = 4 * int(np.prod(shape))
    for key, value in (("location", "silero"), ("offset", "0"), ("length", str(length))):
        tensor.external_data.add(key=key, value=value)
    return tensor


def _spectra(graph: GraphWriter) -> str:
    """Magnitudes (T * B, 4, BINS) of four frames a chunk; what lies after its end is mirrored, as in the original."""
    chunks, size = INPUTS[0], CONTEXT + CHUNK
    mirrored = graph.slice(chunks, size - 2, size - 2 - CONTEXT, 1, -1)
    blocks = graph.add("Reshape", graph.add("Concat", chunks, mirrored, axis=1), graph.whole(0, -1, HOP))
    frames = graph.add("Concat", graph.slice(blocks, 0, -1, 1), graph.slice(blocks, 1, END, 1), axis=2)
    basis = graph.add("Transpose", graph.add("Squeeze", BASIS, graph.whole(1)), perm=[1, 0])
    waves = graph.add("MatMul", frames, basis)
    parts = [graph.slice(waves, 0, BINS, 2), graph.slice(waves, BINS, END, 2)]
    squares = [graph.add("Mul", part, part) for part in parts]
    return graph.add("Sqrt", graph.add("Add", *squares))


def _encoded(graph: GraphWriter, spectra: str) -> str:
    """Features (T * B, HIDDEN). Each convolution has three taps and a margin of one frame of zeros; the second and
    the third take every other frame, which leaves one."""
    first, second, third, fourth = CONVOLUTIONS
    wide = graph.add("Pad", spectra, graph.whole(0, 1, 0, 0, 1, 0))
    around = [graph.slice(wide, begin, begin + 4, 1) for begin in range(3)]
    x = _layer(graph, graph.add("Concat", *around, axis=2), *first)
    later = graph.add("Pad", x, graph.whole(0, 1, 0, 0, 0, 0))
    flat = graph.whole(0, 1, -1)
    pair = [graph.add("Reshape", graph.slice(later, begin, begin + 3, 1), flat) for begin in (0, 2)]
    x = _layer(graph, graph.add("Concat", *pair, axis=1), *second)
    # From here on taps lie on the margin alone: of the third layer the first one, of the last all but the middle one.
    x = _layer(graph, graph.add("Reshape", x, graph.whole(0, -1)), *third, first=1)
    return _layer(graph, x, *fourth, first=1, last=2)


def _layer(graph: GraphWriter, x: str, weight: str, bias: str, first: int = 0, last: int = 3) -> str:
    """A convolution, and what follows it; the taps from `first` to `last` lie beside each other in `x`'s last axis."""
    _, channels, _ = SHAPES[weight]
    kernel = graph.add("Transpose", graph.slice(weight, first, last, 2), perm=[2, 1, 0])
    product = graph.add("MatMul", x, graph.add("Reshape", kernel, graph.whole((last - first) * channels, -1)))
    return graph.add("Relu", graph.add("Add", product, bias))


def _recurrent(graph: GraphWriter, features: str) -> None:
    """The recurrent layer over time, and the probability of each chunk."""
    from onnx import helper

    _, h, c = INPUTS
    probabilities, *remembered = OUTPUTS
    voices = graph.add("Slice", graph.add("Shape", h), *(graph.whole(place) for place in (1, 2)))
    shape = graph.add("Concat", graph.whole(-1), voices, graph.whole(HIDDEN), axis=0)
    x = graph.add("Reshape", features, shape)
    graph.nodes.append(helper.make_node("LSTM", [x, *LSTM, "", h, c], ["directions", *remembered], hidden_size=HIDDEN))
    y = graph.add("Relu", graph.add("Squeeze", "directions", graph.whole(1)))
    # A product with one column would be computed otherwise for one row than for many.
    weighted = graph.add("Mul", y, graph.add("Reshape", OUTPUT, graph.whole(HIDDEN)))
    odds = graph.add("Add", graph.add("ReduceSum", weighted, graph.whole(-1), keepdims=0), BIAS)
    graph.add("Sigmoid", odds, name=probabilities)


if __name__ == "__main__":
    Path(GRAPH).write_bytes(silero_graph())
