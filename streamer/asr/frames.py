"""What crosses the pipe between a session's process and a recognizer's: length-prefixed MessagePack, no pickle."""

import struct
from typing import IO, TypeVar

import msgspec

from ..protocol.errors import RecordInvalid
from ..session.transcript.hypothesis import Hypothesis

LARGEST = 64 * 2**20  # more than two minutes of audio can be
_length = struct.Struct("<I")


class Load(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The first message: which backend, and from where. `fetch` allows a download."""

    backend: str
    model: str
    device: str
    threads: int
    fetch: bool


class Ask(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """One pass: 16-bit little-endian samples at 16 kHz."""

    id: int
    audio: bytes
    language: str | None
    final: bool


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The model is loaded. `languages` is empty where it hears any."""

    name: str
    languages: tuple[str, ...]


class Said(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A pass's answer, and the wall time that it took."""

    id: int
    hypothesis: Hypothesis
    infer_ms: float


class Broken(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A pass, or without `id` the loading, that went wrong."""

    message: str
    id: int | None = None


ToWorker = Load | Ask
FromWorker = Ready | Said | Broken

M = TypeVar("M", ToWorker, FromWorker)

_encoder = msgspec.msgpack.Encoder()
to_worker: msgspec.msgpack.Decoder[ToWorker] = msgspec.msgpack.Decoder(ToWorker)
from_worker: msgspec.msgpack.Decoder[FromWorker] = msgspec.msgpack.Decoder(FromWorker)


def send(pipe: IO[bytes], message: ToWorker | FromWorker) -> None:
    """Write one message, whole."""
    body = _encoder.encode(message)
    pipe.write(_length.pack(len(body)) + body)
    pipe.flush()


def receive(pipe: IO[bytes], decoder: msgspec.msgpack.Decoder[M]) -> M | None:
    """The next message, None at the end; RecordInvalid where the other side does not keep to the format."""
    head = pipe.read(_length.size)
    if len(head) < _length.size:
        return None
    (length,) = _length.unpack(head)
    if length > LARGEST:
        raise RecordInvalid(f"a message of {length} bytes from a recognizer; {LARGEST} are the most")
    body = pipe.read(length)
    if len(body) < length:
        return None
    try:
        return decoder.decode(body)
    except msgspec.DecodeError as error:
        raise RecordInvalid(f"a message from a recognizer that cannot be read: {error}") from None
