"""Samples as bytes for the wire, and nothing that the server would refuse."""

import numpy as np
import numpy.typing as npt

from ..protocol.audio import bytes_per_sample, encode_audio
from ..protocol.config import Config
from ..protocol.errors import InputError

LOUDEST = 1_000.0  # full scale is 1; a sample beyond this is a broken number

Audio = npt.NDArray[np.generic] | bytes | bytearray | memoryview


def wire(samples: Audio, config: Config) -> bytes:
    """Samples (n,) or (n, channels), int16 or float in [-1, 1], or bytes in the config's encoding already.

    InputError when they are of another shape or type, or hold what is no sound: the server would refuse the whole
    message, and times would be wrong from there on.
    """
    if isinstance(samples, bytes | bytearray | memoryview):
        return _whole(bytes(samples), config)
    array = np.asarray(samples)
    channels = 1 if array.ndim == 1 else array.shape[-1]
    if array.ndim not in (1, 2) or channels != config.channels:
        raise InputError(
            f"audio of shape {array.shape} where {config.channels} channel(s) were declared; give (samples, channels)"
        )
    if array.dtype != np.int16:
        if not np.issubdtype(array.dtype, np.floating):
            raise InputError(f"audio of type {array.dtype}; float or int16 samples are understood")
        _sound(array)
    return encode_audio(array, config.encoding)


def _whole(data: bytes, config: Config) -> bytes:
    frame = bytes_per_sample(config.encoding) * config.channels
    if len(data) % frame:
        raise InputError(
            f"{len(data)} bytes of {config.encoding} with {config.channels} channel(s): no whole number of samples, "
            f"of {frame} bytes each"
        )
    if config.encoding == "pcm_f32le":
        _sound(np.frombuffer(data, "<f4"))
    return data


def _sound(samples: npt.NDArray[np.generic]) -> None:
    if not np.all(np.abs(samples) <= LOUDEST):
        raise InputError("audio with a sample that is no number that sound can have; floats are in [-1, 1]")
