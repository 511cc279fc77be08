"""The weights of an ONNX file, without the package onnx: the few fields of the format that hold them.

The format is Protocol Buffers, https://protobuf.dev/programming-guides/encoding/; the numbers of the fields are those
of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

MODEL_GRAPH, GRAPH_INITIALIZER = 7, 5
TENSOR_DIMS, TENSOR_TYPE, TENSOR_FLOATS, TENSOR_NAME, TENSOR_RAW = 1, 2, 4, 8, 9
FLOAT = 1
VARINT, FIXED_64, BYTES, FIXED_32 = 0, 1, 2, 5


def float_weights(content: bytes) -> dict[str, npt.NDArray[np.float32]]:
    """Every array of 32-bit floats in a model's graph, by its name. ValueError where `content` is no such file."""
    view = memoryview(content)
    found = {}
    for graph in _messages(view, MODEL_GRAPH):
        for tensor in _messages(graph, GRAPH_INITIALIZER):
            named = _tensor(tensor)
            if named is not None:
                found[named[0]] = named[1]
    return found


def _tensor(data: memoryview) -> tuple[str, npt.NDArray[np.float32]] | None:
    """Name and values of a tensor; None for one of another type, or one whose values lie elsewhere."""
    name, kind, dims = "", 0, list[int]()
    values: memoryview | None = None
    for number, value in _fields(data):
        if number == TENSOR_NAME and not isinstance(value, int):
            name = bytes(value).decode()
        elif number == TENSOR_TYPE and isinstance(value, int):
            kind = value
        elif number == TENSOR_DIMS:
            dims += [value] if isinstance(value, int) else list(_varints(value))
        elif number in (TENSOR_RAW, TENSOR_FLOATS) and not isinstance(value, int) and len(value):
            values = value
    if kind != FLOAT or values is None:
        return None
    return name, np.frombuffer(values, "<f4").reshape(dims).astype(np.float32)


def _messages(data: memoryview, wanted: int) -> Iterator[memoryview]:
    """The messages in one field."""
    for number, value in _fields(data):
        if number == wanted and not isinstance(value, int):
            yield value


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Number and value of each field: a whole number, or bytes."""
    place = 0
    while place < len(data):
        tag, place = _varint(data, place)
        number, kind = tag >> 3, tag & 7
        if kind == VARINT:
            value, place = _varint(data, place)
            yield number, value
            continue
        if kind == BYTES:
            size, place = _varint(data, place)
        elif kind in (FIXED_32, FIXED_64):
            size = 4 if kind == FIXED_32 else 8
        else:
            raise ValueError(f"no ONNX file: a field of type {kind}")
        if place + size > len(data):
            raise ValueError("no ONNX file: it ends within a field")
        yield number, data[place : place + size]
        place += size


def _varints(data: memoryview) -> Iterator[int]:
    place = 0
    while place < len(data):
        value, place = _varint(data, place)
        yield value


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    """A whole number of seven bits a byte, the lowest first, and the place after it."""
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(data):
            raise ValueError("no ONNX file: it ends within a number")
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise ValueError("no ONNX file: a number of more than 64 bits")
