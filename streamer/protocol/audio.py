"""The audio of a websocket: a binary message holds interleaved samples without a header."""

import numpy as np
import numpy.typing as npt

from .config import Config
from .errors import InvalidAudio

Samples = npt.NDArray[np.float32] | npt.NDArray[np.int16]


def bytes_per_sample(encoding: str) -> int:
    """Bytes of one sample of one channel in that encoding."""
    return {"pcm_s16le": 2, "pcm_f32le": 4, "mulaw": 1}[encoding]


def decode_audio(frame: bytes, config: Config, max_s: float = 10.0) -> Samples:
    """The samples (n, channels) of a binary message: int16, or float32 with full scale 1.

    InvalidAudio when it is not a whole number of samples, or longer than `max_s` seconds.
    """
    step = bytes_per_sample(config.encoding) * config.channels
    if len(frame) % step:
        raise InvalidAudio(
            f"a frame of {len(frame)} bytes: {config.encoding} with {config.channels} channel(s) needs a multiple "
            f"of {step}; send whole samples",
        )
    if len(frame) > max_s * config.sample_rate * step:
        seconds = len(frame) / step / config.sample_rate
        raise InvalidAudio(f"a frame of {seconds:.2f} s: at most {max_s:g} s at a time; 20 to 100 ms are best")
    if config.encoding == "pcm_s16le":
        return np.frombuffer(frame, "<i2").astype(np.int16, copy=False).reshape(-1, config.channels)
    if config.encoding == "pcm_f32le":
        return np.frombuffer(frame, "<f4").astype(np.float32, copy=False).reshape(-1, config.channels)
    return MULAW[np.frombuffer(frame, np.uint8)].reshape(-1, config.channels)


def encode_audio(samples: npt.NDArray[np.generic], encoding: str) -> bytes:
    """Samples (n,) or (n, channels), int16 or float in [-1, 1], as a binary message; louder ones are clipped."""
    if samples.dtype == np.int16:
        scaled = samples.astype(np.float64) / 32_768.0
        whole = samples
    else:
        scaled = np.asarray(samples, np.float64)
        whole = np.clip(np.rint(scaled * 32_768.0), -32_768, 32_767).astype(np.int16)
    if encoding == "pcm_s16le":
        return whole.astype("<i2").tobytes()
    if encoding == "pcm_f32le":
        return scaled.astype("<f4").tobytes()
    return _to_mulaw(whole.astype(np.int32)).tobytes()


def _mulaw_table() -> npt.NDArray[np.int16]:
    """The value of each of the 256 mu-law codes (ITU-T G.711, table 2b), scaled to 16 bits."""
    code = ~np.arange(256, dtype=np.uint8)
    exponent, mantissa = (code >> 4) & 7, code & 15
    size = ((2 * mantissa.astype(np.int32) + 33) << exponent) - 33
    return (np.where(code & 0x80, -size, size) * 4).astype(np.int16)


MULAW = _mulaw_table()
_BIAS, _LARGEST = 33, 8_191


def _to_mulaw(whole: npt.NDArray[np.int32]) -> npt.NDArray[np.uint8]:
    negative = whole < 0
    size = np.minimum((np.abs(whole) >> 2) + _BIAS, _LARGEST)  # in the standard's 14 bits, towards 0 for both signs
    exponent = np.floor(np.log2(size)).astype(np.int32) - 5
    mantissa = (size >> (exponent + 1)) & 15
    codes: npt.NDArray[np.uint8] = (~(np.where(negative, 0x80, 0) | (exponent << 4) | mantissa) & 0xFF).astype(np.uint8)
    return codes
