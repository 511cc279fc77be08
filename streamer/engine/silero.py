"""Silero VAD for many voices at once: its weights in a graph that takes the chunks of all of them together.

The weights stay in the file that they came in. Where they are of another shape than the graph's, or the graph answers
otherwise than the network itself, as after an update of the package that brings it, the network itself is run.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..session.requests import DetectVoice, VoiceProbabilities
from ..session.voice_activity import CHUNK, CONTEXT, fresh_network
from .onnx_weights import float_weights

GRAPH = Path(__file__).with_name("silero.onnx")
HIDDEN = 128
INPUTS, OUTPUTS = ("chunks", "h", "c"), ("probabilities", "hn", "cn")
BASIS, OUTPUT, BIAS = "encoder.feature_extractor.forward_basis_buffer", "decoder.conv1d.weight", "decoder.conv1d.bias"
CONVOLUTIONS = [(f"encoder.conv_layers.{n}.weight", f"encoder.conv_layers.{n}.bias") for n in range(4)]
LSTM = ("onnx::LSTM_209", "onnx::LSTM_210", "onnx::LSTM_211")
SHAPES: dict[str, tuple[int, ...]] = {
    BASIS: (258, 1, 256),
    "encoder.conv_layers.0.weight": (128, 129, 3), "encoder.conv_layers.0.bias": (128,),
    "encoder.conv_layers.1.weight": (64, 128, 3), "encoder.conv_layers.1.bias": (64,),
    "encoder.conv_layers.2.weight": (64, 64, 3), "encoder.conv_layers.2.bias": (64,),
    "encoder.conv_layers.3.weight": (128, 64, 3), "encoder.conv_layers.3.bias": (128,),
    LSTM[0]: (1, 512, 128), LSTM[1]: (1, 512, 128), LSTM[2]: (1, 1024),
    OUTPUT: (1, 128, 1), BIAS: (1,),
}  # fmt: skip
MOST_CHUNKS = 512  # in one pass, which then takes some 4 MB
CLOSE = 1e-4  # what the graph may differ from the network; other weights under the same names would differ by far more
TRIED = 4  # chunks that both are tried on

Array = npt.NDArray[np.float32]


class Silero:
    """The network from its authors' file. `together` tells whether voices share a pass; else each is run by itself."""

    def __init__(self, weights: Path) -> None:
        content = weights.read_bytes()
        self._kept, self._session = _shared(content)
        self.together = self._session is not None
        if self._session is None or not self._agrees(content):
            self.together, self._session, self._kept = False, _session(content), []

    def __call__(self, requests: Sequence[DetectVoice]) -> list[VoiceProbabilities]:
        """Probabilities of the chunks of each request, in the order of the requests.

        Those with the same number of chunks are judged together. No answer depends on how requests are grouped, nor on
        how the chunks of a voice are shared out among its requests.
        """
        if not self.together:
            return [_alone(self._session, request) for request in requests]
        by_length: dict[int, list[int]] = {}
        for place, request in enumerate(requests):
            by_length.setdefault(len(request.audio), []).append(place)
        found: dict[int, VoiceProbabilities] = {}
        for length, places in by_length.items():
            step = max(1, MOST_CHUNKS * CHUNK // length)
            for begin in range(0, len(places), step):
                group = places[begin : begin + step]
                found.update(zip(group, self._pass([requests[place] for place in group]), strict=True))
        return [found[place] for place in range(len(requests))]

    def _pass(self, requests: list[DetectVoice]) -> list[VoiceProbabilities]:
        """One pass for requests with the same number of chunks."""
        audio = np.stack([request.audio for request in requests])
        voices, count = len(audio), (audio.shape[1] - CONTEXT) // CHUNK
        chunks = np.empty((count, voices, CONTEXT + CHUNK), np.float32)
        cut = audio[:, : count * CHUNK].reshape(voices, count, CHUNK).transpose(1, 0, 2)
        chunks[..., :CHUNK] = cut
        after = audio[:, CONTEXT : CONTEXT + count * CHUNK].reshape(voices, count, CHUNK).transpose(1, 0, 2)
        chunks[..., CHUNK:] = after[..., CHUNK - CONTEXT :]
        memory = np.stack([request.network for request in requests], axis=1)
        names = dict(zip(INPUTS, (chunks.reshape(-1, CONTEXT + CHUNK), memory[:1], memory[1:]), strict=True))
        probabilities, hidden, cell = self._session.run(OUTPUTS, names)
        network = np.concatenate([hidden, cell]).transpose(1, 0, 2)
        return [VoiceProbabilities(own, network[voice].copy()) for voice, own in enumerate(probabilities.T.tolist())]

    def _agrees(self, content: bytes) -> bool:
        """Whether the graph answers as the network does."""
        noise = np.random.default_rng(0).standard_normal(CONTEXT + TRIED * CHUNK)
        request = DetectVoice(0, (0.1 * noise).astype(np.float32), fresh_network())
        [ours], theirs = self._pass([request]), _alone(_session(content), request)
        pairs = ((ours.probabilities, theirs.probabilities), (ours.network, theirs.network))
        return all(np.abs(np.subtract(one, other)).max() < CLOSE for one, other in pairs)


def _alone(session: Any, request: DetectVoice) -> VoiceProbabilities:
    """The answer of the network as its authors ship it."""
    count = (len(request.audio) - CONTEXT) // CHUNK
    rows = np.lib.stride_tricks.sliding_window_view(request.audio, CONTEXT + CHUNK)[::CHUNK][:count]
    memory = {"h": request.network[0].reshape(1, 1, -1), "c": request.network[1].reshape(1, 1, -1)}
    found, hidden, cell = session.run(None, {"input": np.ascontiguousarray(rows), **memory})
    network = np.stack([hidden.reshape(-1), cell.reshape(-1)])
    return VoiceProbabilities([float(p) for p in found.reshape(-1)], network)


def _shared(content: bytes) -> tuple[list[Any], Any]:
    """The session of the graph, with what must live as long as it; None for weights that the graph does not fit."""
    import onnxruntime

    try:
        weights = float_weights(content)
    except ValueError:
        return [], None
    if any(name not in weights or weights[name].shape != shape for name, shape in SHAPES.items()):
        return [], None
    kept = [onnxruntime.OrtValue.ortvalue_from_numpy(weights[name]) for name in SHAPES]
    options = _options()
    options.add_external_initializers(list(SHAPES), kept)
    return kept, onnxruntime.InferenceSession(GRAPH.read_bytes(), options, providers=["CPUExecutionProvider"])


def _session(content: bytes) -> Any:
    import onnxruntime

    return onnxruntime.InferenceSession(content, _options(), providers=["CPUExecutionProvider"])


def _options() -> Any:
    """One thread: a chunk costs less than waking a second one."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = options.intra_op_num_threads = 1
    options.enable_mem_pattern = False  # one would be kept for every number of voices and chunks
    options.log_severity_level = 4
    return options
