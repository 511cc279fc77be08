"""A session's state as bytes: MessagePack, no pickle, read back in another process."""

from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

import msgspec
import numpy as np

from emoscope.models.pool_state import KINDS, PoolState

from ..protocol.errors import RecordInvalid

VERSION = 5
ARRAY = 1
POOL = 2
DTYPES = ("<f4", "<f8", "<i2", "<i8")

T = TypeVar("T")


def _pack_array(array: Any) -> bytes:
    plain = np.ascontiguousarray(array)
    return msgspec.msgpack.encode((plain.dtype.str, plain.shape, plain.tobytes()))


def _unpack_array(data: bytes | memoryview) -> Any:
    dtype, shape, raw = msgspec.msgpack.decode(data, type=tuple[str, tuple[int, ...], bytes])
    if dtype not in DTYPES:
        raise RecordInvalid(f"a saved session holds an array of type {dtype}; it was made by something else")
    return np.frombuffer(raw, np.dtype(dtype)).reshape(shape).copy()


def _plain(value: Any) -> Any:
    """Dataclasses as dicts, down to arrays and pool states.

    msgspec would do so itself, but a pool state is a dataclass too, and must keep its kind.
    """
    if isinstance(value, PoolState):
        arrays = {name: _pack_array(array) for name, array in value.arrays().items()}
        return msgspec.msgpack.Ext(POOL, msgspec.msgpack.encode((value.kind, arrays)))
    if isinstance(value, np.ndarray):
        return msgspec.msgpack.Ext(ARRAY, _pack_array(value))
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _ext_hook(code: int, data: memoryview) -> Any:
    if code == ARRAY:
        return _unpack_array(data)
    if code == POOL:
        kind, arrays = msgspec.msgpack.decode(data, type=tuple[str, dict[str, bytes]])
        if kind not in KINDS:
            raise RecordInvalid(f"a saved session uses the pooling {kind!r}, which this version does not know")
        return KINDS[kind](**{name: _unpack_array(array) for name, array in arrays.items()})
    raise RecordInvalid(f"a saved session holds an unknown part ({code}); it was made by another version")


def _dec_hook(_: type, value: Any) -> Any:
    return value


def to_bytes(state: Any) -> bytes:
    """A state dataclass as bytes, with the format's version in front."""
    return bytes([VERSION]) + msgspec.msgpack.encode(_plain(state))


def from_bytes(saved: bytes, kind: type[T]) -> T:
    """The state of `to_bytes`; RecordInvalid if it is not one of this version."""
    if not saved or saved[0] != VERSION:
        found = saved[0] if saved else "nothing"
        raise RecordInvalid(f"a saved session of format {found}; this version reads {VERSION}; start a new session")
    try:
        return msgspec.msgpack.decode(saved[1:], type=kind, dec_hook=_dec_hook, ext_hook=_ext_hook)
    except (msgspec.DecodeError, ValueError, TypeError) as error:
        raise RecordInvalid(f"a saved session cannot be read: {error}; start a new session") from None
