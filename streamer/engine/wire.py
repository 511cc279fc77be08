"""What crosses the pipes between a server and its engine's process.

A message is 12 bytes of lengths, then MessagePack, then the raw bytes of all arrays, which MessagePack names by type,
shape and place. Nothing is pickled, and samples are copied by nobody but the pipe.
"""

import math
import struct
from dataclasses import fields
from typing import Any, TypeVar

import msgspec
import numpy as np

from emoscope.models.contract import ModelContract
from emoscope.models.pool_state import KINDS, PoolState
from emoscope.models.reading import Reading

from ..protocol.errors import RecordInvalid
from ..session.requests import Encode, Failed, Read, Summary

LENGTHS = struct.Struct("<IQ")
LARGEST = 2**30  # a batch of 256 windows of 30 s is half of it
DTYPES = ("<f4", "<f8")

Buffer = bytes | memoryview


class Wanted(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The first message: which model, where. `words`: the text branch will be asked for."""

    model: str
    device: str = "auto"
    threads: int | None = None
    batch: int | None = None
    words: bool = False


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The model is loaded and warm. `window_s`: what its first window took."""

    contract: ModelContract
    batch: int
    window_s: float


class Unusable(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The model cannot be had. `usage`: because of how it was asked for."""

    message: str
    usage: bool


class Batch(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Requests that leave together."""

    windows: list[Encode]
    reads: list[Read]


class Answer(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """One result a request: id, wall time in ms, value. `cpu_s`: processor time that the model took."""

    windows: list[tuple[int, float, Summary]]
    readings: list[tuple[int, float, Reading]]
    failed: list[Failed]
    cpu_s: float


ToEngine = Wanted | Batch
FromEngine = Ready | Unusable | Answer

M = TypeVar("M", ToEngine, FromEngine)

_KIND_OF = {frozenset(field.name for field in fields(kind)): kind for kind in KINDS.values()}  # type: ignore[arg-type]
assert len(_KIND_OF) == len(KINDS), "two pool states with the same arrays cannot be told apart here"


def pack(message: ToEngine | FromEngine) -> list[Buffer]:
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


def unpack(head: Buffer, body: Buffer, kind: Any, *, copy: bool) -> Any:
    """The message of that kind; RecordInvalid if it is none.

    copy  arrays of their own. Else they are views that keep the whole body alive, and may not be written to
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
        if wanted is PoolState:
            return _KIND_OF[frozenset(told)](**{name: array(value) for name, value in told.items()})
        return array(told)

    try:
        return msgspec.msgpack.decode(head, type=kind, dec_hook=made)
    except (msgspec.DecodeError, ValueError, TypeError, KeyError) as error:
        raise RecordInvalid(f"a message between a server and its engine that cannot be read: {error}") from None
