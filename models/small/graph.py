"""The graph of `small` in the ONNX format: audio to feature frames and their attention scores. Needs the package onnx.

It is what an engine without torch runs. It holds no weights: each is external data, a place in the model's file of
weights, under the name that it has there. What the front end computes from its settings is in the graph.
"""

from collections.abc import Mapping
from typing import Any

from ..stages import AUDIO, FRONT, INPUTS, LATE, MIDDLE, OUTPUTS, PEAKS, PLACE_COUNT, PLACES
from .graph_encoder import encoder_nodes
from .graph_frontend import frontend_nodes
from .graph_writer import GraphWriter
from .model import SmallModel

OPSET, IR_VERSION = 17, 8  # the oldest with LayerNormalization, so that older runtimes read it too


def small_graph(model: SmallModel, places: Mapping[str, tuple[int, int]], location: str) -> bytes:
    """The graph of a model.

    It takes and gives what `models.stages` says; scores are in the order of `Encoded.scores`.

    places    where each weight begins in the file of weights, and how many bytes it has
    location  that file's name
    """
    from onnx import TensorProto, helper

    graph = GraphWriter()
    encoder_nodes(graph, model, frontend_nodes(graph, model.frontend))
    weights = model.state_dict()
    floats = [PEAKS, FRONT, MIDDLE, LATE, *OUTPUTS]
    values = {name: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", f"{name}_rows", f"{name}_columns"])
              for name in floats}  # fmt: skip
    values[AUDIO] = helper.make_tensor_value_info(AUDIO, TensorProto.FLOAT, ["batch", "samples"])
    values[PLACES] = helper.make_tensor_value_info(PLACES, TensorProto.INT64, [PLACE_COUNT])
    inputs, outputs = ([values[name] for name in names] for names in (INPUTS, OUTPUTS))
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
