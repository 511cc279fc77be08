"""What a telephone provider's stream says, whoever the provider is. No socket, no clock."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ...protocol.audio import MULAW
from ...protocol.errors import EmoscopeError

Samples = npt.NDArray[np.int16]


def _alaw_table() -> Samples:
    """The value of each of the 256 A-law codes (ITU-T G.711, table 1b), scaled to 16 bits."""
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    exponent, mantissa = ((code >> 4) & 7).astype(np.int32), (code & 15).astype(np.int32)
    size = np.where(exponent == 0, 2 * mantissa + 1, (2 * mantissa + 33) << np.maximum(exponent - 1, 0))
    return (np.where(code & 0x80, size, -size) * 8).astype(np.int16)


ALAW = _alaw_table()


class CallRefused(EmoscopeError):
    """A stream that cannot be read, whatever comes next; the message says what the provider must be told to send."""


@dataclass(frozen=True)
class Codec:
    """How a provider's bytes become samples (n,) at `rate` Hz.

    width  bytes of a sample
    """

    rate: int
    width: int
    decode: Callable[[bytes], Samples]


def codec(name: str, rate: int) -> Codec:
    """CallRefused when there is none of that name."""
    match name.lower().removeprefix("audio/").removeprefix("x-"):
        case "mulaw" | "pcmu" | "ulaw":
            return Codec(rate, 1, lambda data: MULAW[np.frombuffer(data, np.uint8)])
        case "alaw" | "pcma":
            return Codec(rate, 1, lambda data: ALAW[np.frombuffer(data, np.uint8)])
        case "slin":
            return Codec(rate, 2, lambda data: np.frombuffer(data, "<i2").astype(np.int16, copy=False))
    raise CallRefused(f"the stream's encoding is {name[:40]!r}; let the provider send mu-law or A-law (PCMU, PCMA)")


@dataclass(frozen=True, kw_only=True)
class CallBegan:
    """The provider has told what follows.

    call        the provider's name of the call
    tracks      names of the tracks that come: `inbound`, `outbound` or both; the place of a track is its channel
    parameters  what whoever set the stream up gave along
    """

    call: str
    codec: Codec
    tracks: tuple[str, ...]
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CallAudio:
    """One chunk of one track.

    number  counts a track's chunks from 1; None where the provider counts none
    time_s  of its first sample, on the provider's clock; None where it tells none
    """

    track: str
    data: bytes
    number: int | None = None
    time_s: float | None = None


@dataclass(frozen=True)
class CallEnded:
    """The provider sends no more audio."""


CallMessage = CallBegan | CallAudio | CallEnded
