"""Read the tensors of a CTranslate2 model file without the library: what faster-whisper keeps in its cache.

The file is a header (version, specification, revision, count), then for each tensor its name, rank, dimensions, type
and bytes, then aliases: names that stand for another tensor. All numbers are little-endian; a string is its length,
which counts a final zero byte, and its bytes.
"""

import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import ModelError

TYPES = {0: "<f4", 1: "|i1", 2: "<i2", 3: "<i4", 4: "<f2"}
LONGEST_NAME = 1_000
MOST_TENSORS = 100_000
MOST_RANK = 4

Tensors = dict[str, npt.NDArray[np.generic]]


class _Reader:
    """Steps through the bytes of one file; ModelError where they end too early."""

    def __init__(self, path: Path) -> None:
        self.path, self.place = path, 0
        try:
            self.data: npt.NDArray[np.uint8] = np.memmap(path, np.uint8, "r")
        except (OSError, ValueError) as error:
            raise ModelError(f"{path}: cannot be read: {error}") from None

    def take(self, count: int) -> bytes:
        end = self.place + count
        if end > len(self.data):
            raise ModelError(f"{self.path}: the file ends too early; copy or fetch it again")
        part = self.data[self.place : end]
        self.place = end
        return part.tobytes()

    def number(self, kind: str) -> int:
        value: int = struct.unpack("<" + kind, self.take(struct.calcsize(kind)))[0]
        return value

    def text(self) -> str:
        length = self.number("H")
        if not 1 <= length <= LONGEST_NAME:
            raise ModelError(f"{self.path}: this is no CTranslate2 model, or one of a version that is not known")
        return self.take(length)[:-1].decode("utf-8", "replace")

    def tensor(self) -> npt.NDArray[np.generic]:
        rank = self.number("B")
        shape = [self.number("I") for _ in range(rank)] if rank <= MOST_RANK else []
        kind, size = self.number("B"), self.number("I")
        if rank > MOST_RANK or kind not in TYPES:
            raise ModelError(f"{self.path}: a tensor of rank {rank} and type {kind}, which is not understood")
        dtype = np.dtype(TYPES[kind])
        if int(np.prod(shape, dtype=np.int64)) * dtype.itemsize != size:
            raise ModelError(f"{self.path}: a tensor of shape {shape} in {size} bytes; the file is damaged")
        return np.frombuffer(self.take(size), dtype).reshape(shape)


def read_tensors(path: Path) -> Tensors:
    """All tensors of a `model.bin` by name; ModelError when it is damaged or something else."""
    reader = _Reader(path)
    reader.number("I")
    reader.text()
    reader.number("I")
    count = reader.number("I")
    if count > MOST_TENSORS:
        raise ModelError(f"{path}: this is no CTranslate2 model")
    tensors = {reader.text(): reader.tensor() for _ in range(count)}
    for _ in range(reader.number("I")):
        alias, name = reader.text(), reader.text()
        if name in tensors:
            tensors[alias] = tensors[name]
    return tensors


def whisper_encoder(tensors: Tensors, layers: int, where: Path) -> Tensors:
    """The encoder's convolutions, positions and lower layers by the names that transformers gives them.

    CTranslate2 keeps queries, keys and values in one matrix; keys have no bias, so theirs is zero.
    """

    def of(name: str) -> npt.NDArray[np.generic]:
        if name not in tensors:
            raise ModelError(f"{where}: no tensor {name}; this is no Whisper encoder")
        return tensors[name]

    found: Tensors = {"embed_positions.weight": of("encoder/position_encodings/encodings")}
    for conv in ("conv1", "conv2"):
        for part in ("weight", "bias"):
            found[f"{conv}.{part}"] = of(f"encoder/{conv}/{part}")
    for number in range(layers):
        old, new = f"encoder/layer_{number}/", f"layers.{number}."
        weight, bias = of(old + "self_attention/linear_0/weight"), of(old + "self_attention/linear_0/bias")
        dim = len(weight) // 3
        for place, name in enumerate("qkv"):
            found[f"{new}self_attn.{name}_proj.weight"] = weight[place * dim : (place + 1) * dim]
            if name != "k":
                found[f"{new}self_attn.{name}_proj.bias"] = bias[place * dim : (place + 1) * dim]
        pairs = {
            "self_attn.out_proj": ("self_attention/linear_1", ("weight", "bias")),
            "self_attn_layer_norm": ("self_attention/layer_norm", ("gamma", "beta")),
            "final_layer_norm": ("ffn/layer_norm", ("gamma", "beta")),
            "fc1": ("ffn/linear_0", ("weight", "bias")),
            "fc2": ("ffn/linear_1", ("weight", "bias")),
        }
        for name, (place_of, parts) in pairs.items():
            found[f"{new}{name}.weight"] = of(f"{old}{place_of}/{parts[0]}")
            found[f"{new}{name}.bias"] = of(f"{old}{place_of}/{parts[1]}")
    return found
