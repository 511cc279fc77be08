"""Samples encoded as bytes for the websocket. Audio that the server would reject is refused here."""

import numpy as np
import numpy.typing as npt

from ..protocol.audio import bytes_per_sample, encode_audio
from ..protocol.config import Config
from ..protocol.errors import InputError

MAX_MAGNITUDE = 1_000.0  # full scale is 1; a sample beyond this is corrupt data, not sound

Audio = npt.NDArray[np.generic] | bytes | bytearray | memoryview


def encode_samples(samples: Audio, config: Config) -> bytes:
    """Samples (n,) or (n, channels), int16 or float in [-1, 1], or bytes that already have the config's encoding.

    Raises InputError for another shape or type, and for NaN, infinite or absurdly large values: the server would
    reject the whole message, and all later times would be wrong.
    """
    if isinstance(samples, bytes | bytearray | memoryview):
        return _checked_bytes(bytes(samples), config)
    array = np.asarray(samples)
    channels = 1 if array.ndim == 1 else array.shape[-1]
    if array.ndim not in (1, 2) or channels != config.channels:
        raise InputError(
            f"audio of shape {array.shape} where {config.channels} channel(s) were declared; give (samples, channels)"
        )
    if array.dtype != np.int16:
        if not np.issubdtype(array.dtype, np.floating):
            raise InputError(f"audio of type {array.dtype}; only float and int16 samples are supported")
        _check_magnitude(array)
    return encode_audio(array, config.encoding)


def _checked_bytes(data: bytes, config: Config) -> bytes:
    frame = bytes_per_sample(config.encoding) * config.channels
    if len(data) % frame:
        raise InputError(
            f"{len(data)} bytes of {config.encoding} with {config.channels} channel(s) are not a whole number of "
            f"samples of {frame} bytes each"
        )
    if config.encoding == "pcm_f32le":
        _check_magnitude(np.frombuffer(data, "<f4"))
    return data


def _check_magnitude(samples: npt.NDArray[np.generic]) -> None:
    # Written so that NaN fails the comparison too.
    if not np.all(np.abs(samples) <= MAX_MAGNITUDE):
        raise InputError("audio contains a sample that is NaN, infinite or far out of range; floats are in [-1, 1]")
