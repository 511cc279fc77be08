"""Weights as safetensors, read without torch: NumPy arrays, where each lies in its file, and the file's metadata."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors
import safetensors.numpy

from ..errors import HeadMismatch

METADATA = "__metadata__"


@contextmanager
def whole_file(path: Path) -> Iterator[None]:
    """Raise HeadMismatch where safetensors or the system cannot read a file of weights."""
    try:
        yield
    except (safetensors.SafetensorError, ValueError, TypeError, KeyError, OSError) as error:
        raise HeadMismatch(f"{path}: not a whole safetensors file: {error}") from None


def parse_arrays(content: bytes, path: Path) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a safetensors file's content; HeadMismatch if it is not a whole one."""
    with whole_file(path):
        arrays: dict[str, npt.NDArray[Any]] = safetensors.numpy.load(content)
        return arrays


def metadata_of(content: bytes, path: Path) -> dict[str, str]:
    """What a safetensors file says of itself; HeadMismatch if it is not a whole one."""
    with whole_file(path):
        return dict(_header(content).get(METADATA, {}))


def places_of(content: bytes, path: Path) -> dict[str, tuple[int, int]]:
    """Where each array begins in a safetensors file, and how many bytes it has; HeadMismatch as above."""
    with whole_file(path):
        first = 8 + int.from_bytes(content[:8], "little")
        offsets = {name: one["data_offsets"] for name, one in _header(content).items() if name != METADATA}
        return {name: (first + begin, end - begin) for name, (begin, end) in offsets.items()}


def _header(content: bytes) -> dict[str, Any]:
    header: dict[str, Any] = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return header


def check_floats(
    arrays: dict[str, npt.NDArray[Any]], expected: dict[str, tuple[int, ...]], where: str | Path
) -> dict[str, npt.NDArray[np.float32]]:
    """The expected arrays alone, as float32; HeadMismatch names those that are missing or of another shape."""
    wrong = [
        f"{name} {arrays[name].shape if name in arrays else 'missing'} instead of {shape}"
        for name, shape in expected.items()
        if name not in arrays or arrays[name].shape != shape
    ]
    if wrong:
        raise HeadMismatch(f"{where}: weights do not fit the card: {', '.join(wrong[:8])}")
    return {name: arrays[name].astype(np.float32) for name in expected}
