"""Messages between two processes: 12 bytes of lengths, then MessagePack, then the raw bytes of all arrays."""

import math
import struct
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import numpy as np

from ..protocol.errors import RecordInvalid

LENGTHS = struct.Struct("<IQ")
LARGEST = 2**30  # a batch of 256 windows of 30 s is half of it
DTYPES = ("<f4", "<f8")

Buffer = bytes | memoryview


def pack(message: msgspec.Struct) -> list[Buffer]:
    """A message as buffers to be written one after the other."""
    arrays: list[np.ndarray[Any, Any]] = []
    place = 0

    def plain(value: Any) -> Any:
        nonlocal place
        if isinstance(value, np.ndarray):
            array = np.ascontiguousarray(value)
            arrays.append(array)
            place += array.nbytes
            return (array.dtype.str, array.shape, place - array.nbytes)
        if isinstance(value, np.generic):
            return value.item()
        raise TypeError(f"{type(value).__name__} does not cross to the engine")

    head = msgspec.msgpack.Encoder(enc_hook=plain).encode(message)
    if len(head) + place > LARGEST:
        raise RecordInvalid(f"a batch of {place >> 20} MB; {LARGEST >> 20} are the most: give a smaller --batch")
    return [LENGTHS.pack(len(head), place), head, *(a.data.cast("B") for a in arrays if a.nbytes)]


def lengths(raw: Buffer) -> tuple[int, int]:
    """How many bytes of MessagePack and of arrays follow; RecordInvalid where the other side makes no sense."""
    head, body = LENGTHS.unpack(raw)
    if head + body > LARGEST:
        raise RecordInvalid(f"a message of {head + body} bytes between a server and its engine")
    return head, body


def unpack(
    head: Buffer, body: Buffer, kind: Any, *, copy: bool, rebuild: Mapping[type, Callable[[dict[str, Any]], Any]]
) -> Any:
    """The message of that kind; RecordInvalid if it is none.

    copy     arrays of their own. Else they are views that keep the whole body alive, and may not be written to
    rebuild  makes a value of a type out of its arrays by name
    """

    def array(told: Any) -> Any:
        dtype, shape, place = told
        if dtype not in DTYPES:
            raise RecordInvalid(f"an array of type {dtype} between a server and its engine")
        if any(size < 0 for size in shape):
            raise RecordInvalid(f"an array of shape {shape} between a server and its engine")
        count = math.prod(shape)
        view = np.frombuffer(body, np.dtype(dtype), count, place) if count else np.zeros(0, dtype)
        return view.reshape(shape).copy() if copy else view.reshape(shape)

    def made(wanted: Any, told: Any) -> Any:
        if wanted in rebuild:
            return rebuild[wanted]({name: array(value) for name, value in told.items()})
        return array(told)

    try:
        return msgspec.msgpack.decode(head, type=kind, dec_hook=made)
    except (msgspec.DecodeError, ValueError, TypeError, KeyError) as error:
        raise RecordInvalid(f"a message between a server and its engine that cannot be read: {error}") from None
