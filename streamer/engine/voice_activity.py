"""Silero VAD by onnxruntime: the probability that 32 ms of audio hold a voice.

The weights (MIT, version 6) come with faster-whisper, and so does onnxruntime: nothing is fetched. Either may be
missing where a package was installed without its dependencies: then every request fails, and webrtcvad decides alone.
"""

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from ..protocol.errors import EmoscopeError
from ..session.requests import DetectVoice, VoiceProbabilities
from .silero import Silero

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
def _network() -> Silero:
    """The network, loaded once a process."""
    path = weights()
    if path is None or not available():
        raise DetectorMissing("Silero VAD is not here: install faster-whisper and onnxruntime, or use --vad webrtc")
    return Silero(path)


def detect_voices(requests: Sequence[DetectVoice]) -> list[VoiceProbabilities]:
    """Probabilities of the chunks of each request, in the order of the requests.

    They do not depend on which requests are judged together, nor on how chunks are shared out among requests.
    """
    return _network()(requests)


def detect_voice(request: DetectVoice) -> VoiceProbabilities:
    """Probabilities of the chunks of one request."""
    return detect_voices([request])[0]
