"""Weights as safetensors, read without torch: NumPy arrays, where each lies in its file, and the file's metadata."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors
import safetensors.numpy

from ..errors import HeadMismatch

METADATA = "__metadata__"
LISTED = 8  # names in an error's list

Shapes = Mapping[str, Sequence[int]]


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


def encode_arrays(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """Arrays as the content of a safetensors file."""
    content: bytes = safetensors.numpy.save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    return content


def check_shapes(expected: Shapes, found: Shapes, where: str | Path, described_by: str = "the card") -> None:
    """HeadMismatch names the weights that are missing, unexpected or of another shape. Values are not looked at."""
    missing = sorted(expected.keys() - found.keys())
    unexpected = sorted(found.keys() - expected.keys())
    reshaped = sorted(
        f"{name} {tuple(found[name])} instead of {tuple(expected[name])}"
        for name in expected.keys() & found.keys()
        if tuple(found[name]) != tuple(expected[name])
    )
    if missing or unexpected or reshaped:
        raise HeadMismatch(
            f"{where}: weights do not fit {described_by}: missing {_listed(missing)}, "
            f"unexpected {_listed(unexpected)}, other shape {_listed(reshaped)}"
        )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"{names[:LISTED]}{more}" if names else "none"
