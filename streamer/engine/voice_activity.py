"""Silero VAD by onnxruntime: the probability that 32 ms of audio hold a voice.

The weights (MIT, version 6) come with faster-whisper, and so does onnxruntime: nothing is fetched. Either may be
missing where a package was installed without its dependencies: then every request fails, and webrtcvad decides alone.
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ..protocol.errors import EmoscopeError
from ..session.requests import DetectVoice, VoiceProbabilities
from ..session.voice_activity import CHUNK, CONTEXT

FILE = "assets/silero_vad_v6.onnx"


def weights() -> Path | None:
    """Where faster-whisper keeps the network, without importing it; None where it is not installed."""
    found = find_spec("faster_whisper")
    if found is None or found.origin is None:
        return None
    path = Path(found.origin).parent / FILE
    return path if path.is_file() else None


class DetectorMissing(EmoscopeError):
    """The network, or what runs it, is not installed; the message says what to do."""


@cache
def available() -> bool:
    """Whether the network and what runs it are installed."""
    return weights() is not None and find_spec("onnxruntime") is not None


@cache
def _network() -> Any:
    """The network, loaded once a process, on one thread: a chunk costs less than waking a second one."""
    if not available():
        raise DetectorMissing("Silero VAD is not here: install faster-whisper and onnxruntime, or use --vad webrtc")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = options.intra_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(str(weights()), options, providers=["CPUExecutionProvider"])


def detect_voice(request: DetectVoice) -> VoiceProbabilities:
    """Probabilities of the chunks of one request. They do not depend on how chunks are shared out among requests."""
    count = (len(request.audio) - CONTEXT) // CHUNK
    rows = np.lib.stride_tricks.sliding_window_view(request.audio, CONTEXT + CHUNK)[::CHUNK][:count]
    memory = {"h": request.network[0].reshape(1, 1, -1), "c": request.network[1].reshape(1, 1, -1)}
    found, hidden, cell = _network().run(None, {"input": np.ascontiguousarray(rows), **memory})
    network = np.stack([hidden.reshape(-1), cell.reshape(-1)])
    return VoiceProbabilities([float(p) for p in found.reshape(-1)], network)
