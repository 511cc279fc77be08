"""Nodes and constants of a graph in the ONNX format, as they are added. Needs the package onnx."""

from typing import Any

import numpy as np
import numpy.typing as npt

END = 2**62


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

    def slice_from(self, x: str, begin: str, axis: int, name: str = "") -> str:
        """x[..., begin:, ...] along an axis, where a tensor (1,) of whole numbers says where it begins."""
        return self.add("Slice", x, begin, self.whole(END), self.whole(axis), name=name)
