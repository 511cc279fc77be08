"""CTranslate2's file of weights, `model.bin`, read without CTranslate2: names, shapes and values, nothing is run.

The format: version, name and revision of the specification, then each variable as name, rank, dimensions, type and
bytes, then aliases. A string is its length with the closing zero, then its bytes.
"""

import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import HeadMismatch

# NumPy has no bfloat16: a variable of that type (5) is read over, as whole numbers.
TYPES: dict[int, type[np.generic]] = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16, 5: np.uint16}
LARGEST_RANK = 8

Variables = dict[str, npt.NDArray[np.generic]]


def read_variables(path: Path, prefix: str) -> Variables:
    """The variables whose names begin with `prefix`. HeadMismatch for a file that is not whole, or of another kind."""
    try:
        return _Reader(path.read_bytes()).variables(prefix)
    except OSError as error:
        raise HeadMismatch(f"{path}: {error.strerror}") from None
    except (struct.error, ValueError, KeyError, UnicodeDecodeError):
        raise HeadMismatch(f"{path}: not a whole model.bin of CTranslate2; fetch the model again") from None


class _Reader:
    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 0

    def variables(self, prefix: str) -> Variables:
        self._number("I")  # version of the format
        self._text()
        self._number("I")  # revision of the specification
        found: Variables = {}
        for _ in range(self._number("I")):
            name, rank = self._text(), self._number("B")
            if rank > LARGEST_RANK:
                raise ValueError(f"rank {rank}")
            shape = [self._number("I") for _ in range(rank)]
            kind, size = np.dtype(TYPES[self._number("B")]), self._number("I")
            if size != kind.itemsize * int(np.prod(shape, dtype=np.int64)):
                raise ValueError(f"{size} bytes for {shape}")
            begin = self._advance(size)
            if name.startswith(prefix):
                found[name] = np.frombuffer(self._content, kind, size // kind.itemsize, begin).reshape(shape)
        return found

    def _number(self, kind: str) -> int:
        return int(struct.unpack_from(f"<{kind}", self._content, self._advance(struct.calcsize(f"<{kind}")))[0])

    def _text(self) -> str:
        size = self._number("H")
        begin = self._advance(size)
        return self._content[begin : begin + size - 1].decode()

    def _advance(self, size: int) -> int:
        begin = self._at
        self._at += size
        if self._at > len(self._content):
            raise ValueError("the file ends too early")
        return begin
