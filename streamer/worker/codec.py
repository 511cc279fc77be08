"""Messages between two processes as frames of bytes: MessagePack, and the raw bytes of large arrays.

The first frame is the number of frames that follow it (4 bytes, little-endian) and the message in MessagePack. In it
an array is `(dtype, shape, bytes)`; an array of more than `INLINE_BYTES` is `(dtype, shape, number)` instead, and its
bytes are the frame of that number, counted from 0. Nothing is pickled, and large arrays are not copied on their way to
the operating system. A frame is what `multiprocessing.connection.Connection.send_bytes` sends.
"""

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec
import numpy as np

from ..protocol.errors import RecordInvalid

MAX_MESSAGE_BYTES = 2**30  # a batch of 256 windows of 30 s takes half of it
INLINE_BYTES = 8_192
FRAME_COUNT = struct.Struct("<I")
DTYPES = ("<f4", "<f8", "<i2")

Buffer = bytes | memoryview
Rebuild = Callable[[dict[str, Any]], Any]

M = TypeVar("M")


class Codec(Generic[M]):
    """Turns messages of one type into frames and back.

    message_type  a msgspec Struct, or a union of tagged ones; their fields may hold dataclasses and numpy arrays
    rebuild       for a field's type that is not one concrete class: makes a value from its arrays by name
    max_bytes     the largest message, all frames together
    """

    def __init__(
        self, message_type: Any, *, rebuild: Mapping[type, Rebuild] | None = None, max_bytes: int = MAX_MESSAGE_BYTES
    ) -> None:
        self._type = message_type
        self._rebuild = rebuild or {}
        self.max_bytes = max_bytes

    def encode(self, message: M) -> list[Buffer]:
        """The frames of a message, in the order in which they are sent. RecordInvalid if it is too large."""
        large: list[Buffer] = []
        total = 0

        def plain(value: Any) -> Any:
            nonlocal total
            if isinstance(value, np.generic):
                return value.item()
            if not isinstance(value, np.ndarray):
                raise TypeError(f"{type(value).__name__} cannot be sent to another process")
            total += value.nbytes
            self._check_size(total)
            array = np.ascontiguousarray(value)
            if array.nbytes <= INLINE_BYTES:
                return (array.dtype.str, array.shape, array.tobytes())
            large.append(array.data.cast("B"))
            return (array.dtype.str, array.shape, len(large) - 1)

        body = msgspec.msgpack.Encoder(enc_hook=plain).encode(message)
        self._check_size(len(body) + sum(len(frame) for frame in large))
        return [FRAME_COUNT.pack(len(large)) + body, *large]

    def decode(self, frames: Sequence[Buffer], *, copy: bool) -> M:
        """The message in these frames. RecordInvalid if they hold no message of this codec's type.

        copy  whether arrays own their memory; else they are views of the frames and cannot be written to
        """

        def array(value: Any) -> Any:
            dtype, shape, place = value
            if dtype not in DTYPES:
                raise RecordInvalid(f"a message from another process has an array of type {dtype!r}")
            if any(size < 0 for size in shape):
                raise RecordInvalid(f"a message from another process has an array of shape {shape}")
            data = place if isinstance(place, bytes) else frames[1:][place]
            if math.prod(shape) * np.dtype(dtype).itemsize != len(data):
                raise RecordInvalid(f"a message from another process has {len(data)} bytes for an array of {shape}")
            view = np.frombuffer(data, dtype).reshape(shape)
            return view.copy() if copy else view

        def build(wanted: Any, value: Any) -> Any:
            if wanted in self._rebuild:
                return self._rebuild[wanted]({name: array(item) for name, item in value.items()})
            return array(value)

        try:
            body = memoryview(frames[0])[FRAME_COUNT.size :]
            message: M = msgspec.msgpack.decode(body, type=self._type, dec_hook=build)
        except RecordInvalid:
            raise
        except (msgspec.DecodeError, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
            raise RecordInvalid(f"a message from another process cannot be read: {error}") from None
        return message

    def frames_after(self, first: Buffer) -> int:
        """How many frames follow the first one. RecordInvalid if it is too short to say."""
        if len(first) < FRAME_COUNT.size:
            raise RecordInvalid(f"a message from another process begins with a frame of {len(first)} bytes")
        count: int = FRAME_COUNT.unpack_from(first)[0]
        return count

    def _check_size(self, size: int) -> None:
        if size > self.max_bytes:
            raise RecordInvalid(
                f"a message of {size >> 20} MB to another process; {self.max_bytes >> 20} MB are allowed"
            )
