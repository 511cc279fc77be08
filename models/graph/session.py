"""A graph in onnxruntime, with weights that come from elsewhere. Imports no torch."""

import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from ..errors import HeadMismatch, ModelError
from ..stages import INPUTS, OUTPUTS, Array, GraphInput, GraphOutput

CODE = re.compile(r"\[ONNXRuntimeError\] : \d+ : \w+ : ")
# A place in the runtime's own source.
PLACE = re.compile(r"(/onnxruntime_src/)?\S+\.(cc|h):\d+ (\S+ )*?\S+\([^()]*\)( const)? ")
LONGEST = 200  # letters of what the runtime says


class GraphUnusable(ModelError):
    """A graph that cannot be run here although the model may be whole; the message says why."""


def has_runtime() -> bool:
    """Whether onnxruntime is installed. It is not imported for that."""
    return find_spec("onnxruntime") is not None


class GraphSession:
    """Windows to feature frames and their attention scores, whole or from what was kept of earlier ones: see `stages`.

    Only operations of the ONNX standard are known to it, and no file is read: the weights are handed in.
    """

    def __init__(self, graph: bytes, weights: Mapping[str, Array], path: Path, threads: int = 1) -> None:
        """HeadMismatch for a graph that does not fit the weights, GraphUnusable for one that cannot be run here.

        weights  exactly those that the graph names
        path     of the graph, for messages
        """
        if not has_runtime():
            raise GraphUnusable("onnxruntime is not installed; `pip install onnxruntime`, or use --engine torch")
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.enable_mem_pattern = False  # one is kept for every shape, and there are many: memory would grow
        options.log_severity_level = 4  # what is wrong comes as an exception
        # A thread that waits for work would keep a core from everybody else.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # They lie in the memory of these arrays, which must not go away.
        self._weights = {name: onnxruntime.OrtValue.ortvalue_from_numpy(array) for name, array in weights.items()}
        options.add_external_initializers(list(self._weights), list(self._weights.values()))
        try:
            self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the runtime has a dozen kinds of them, with no common root but this
            raise _unusable(error, path) from None
        outputs = tuple(one.name for one in self._session.get_outputs())
        inputs = tuple(one.name for one in self._session.get_inputs())
        if inputs != INPUTS or outputs != OUTPUTS:
            raise HeadMismatch(
                f"{path}: a graph from {', '.join(inputs)} to {', '.join(outputs)}, which is not one of this version; "
                "`emoscope models export` makes one"
            )

    def __call__(self, given: GraphInput) -> GraphOutput:
        """Encode B windows of one shape."""
        return GraphOutput(*self._session.run(OUTPUTS, given.arrays))


def _unusable(error: Exception, path: Path) -> ModelError:
    """The error that a person is told: the runtime's own have paths of its sources in them."""
    said = " ".join(str(error).split()) or type(error).__name__
    last = PLACE.sub("", CODE.sub("", said)).strip()[:LONGEST]
    if "ReplaceInitializedTensor" in said or "xternal data" in said:
        return HeadMismatch(f"{path}: the graph does not fit the weights beside it ({last}); export it again")
    return GraphUnusable(f"{path}: onnxruntime cannot run the graph ({last}); update it, or use --engine torch")
