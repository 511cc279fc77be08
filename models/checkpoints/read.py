"""A checkpoint's tensors: safetensors, or torch's own format with `weights_only`. No code in a file is ever run."""

import pickle
from pathlib import Path
from typing import Any

import safetensors
import torch
from torch import Tensor

from ..cards.arrays import whole_file
from ..cards.folder import read_json
from ..encoders.checkpoint import read_weights, shards
from ..errors import HeadMismatch, ModelError

Weights = dict[str, Tensor]


def read_tensors(folder: Path) -> Weights:
    """All tensors of a checkpoint in transformers' layout; safetensors where there are any.

    HeadMismatch for files that are not whole or hold code, ModelError for those that are not there.
    """
    if any((folder / name).is_file() for name in ("model.safetensors", "model.safetensors.index.json")):
        return read_weights(folder)
    index = folder / "pytorch_model.bin.index.json"
    names = shards(index, ".bin") if index.is_file() else ["pytorch_model.bin"]
    tensors: Weights = {}
    for name in names:
        tensors.update(read_pickle(folder / name))
    return tensors


def read_pickle(path: Path) -> Weights:
    """The tensors in a file of `torch.save`, and nothing else: whatever a pickle would run is refused.

    HeadMismatch where there is anything but tensors by name, ModelError where there is no such file.
    """
    if not path.is_file():
        raise ModelError(f"{path.parent}: no {path.name}; the checkpoint is not whole")
    try:
        found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        said = str(error)
        if "Unsupported" in said or "GLOBAL" in said or "not allowed" in said or "not an allowed" in said:
            raise HeadMismatch(
                f"{path}: this pickle holds more than tensors, and loading it could run code; it was refused. Take a "
                "revision with safetensors (the hub's converter leaves it in a pull request: NAME@refs/pr/N)"
            ) from None
        raise HeadMismatch(f"{path}: not a whole file of weights; fetch it again") from None
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, AttributeError, TypeError):
        raise HeadMismatch(f"{path}: not a whole file of weights; fetch it again") from None
    if not isinstance(found, dict) or not all(
        isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in found.items()
    ):
        raise HeadMismatch(f"{path}: not tensors by name, but {type(found).__name__}; not a checkpoint's weights")
    return dict(found)


def config_of(folder: Path, name: str = "config.json") -> dict[str, Any]:
    """A JSON file of a checkpoint; {} where there is none."""
    path = folder / name
    return read_json(path, dict[str, Any], "a checkpoint is a folder with config and weights") if path.is_file() else {}


def names_in_header(folder: Path) -> frozenset[str] | None:
    """The names of the tensors in model.safetensors, from its header alone; None where there is no such file."""
    path = folder / "model.safetensors"
    if not path.is_file():
        return None
    with whole_file(path), safetensors.safe_open(path, "pt") as file:
        return frozenset(file.keys())
