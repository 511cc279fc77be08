"""A training half-way, on disk: one safetensors file with its state as JSON in the header. Never a pickle."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

from emoscope.models.cards import replace_file

from ..errors import CheckpointInvalid, TrainingError


def write_checkpoint(path: Path, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
    """Write tensors and state, whole or not at all: a full disk leaves the checkpoint before. TrainingError then."""
    # Copies, since safetensors refuses tensors that share their memory, such as tied weights.
    held = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    content = safetensors.torch.save(held, {"state": json.dumps(state)})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, content)
    except OSError as error:
        raise TrainingError(
            f"cannot save {path}: {error.strerror}; the one before it is whole: make room, then go on with --resume"
        ) from None


def read_state(path: Path) -> dict[str, Any]:
    """The JSON state of a checkpoint; CheckpointInvalid if it is broken."""
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            state: dict[str, Any] = json.loads((file.metadata() or {})["state"])
    except (OSError, KeyError, ValueError, safetensors.SafetensorError) as error:
        raise CheckpointInvalid(f"{path}: not a whole checkpoint ({error}); start again without --resume") from None
    return state


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint, on the CPU; CheckpointInvalid if it is broken."""
    try:
        tensors: dict[str, Tensor] = safetensors.torch.load_file(path)
    except (OSError, safetensors.SafetensorError) as error:
        raise CheckpointInvalid(f"{path}: not a whole checkpoint ({error}); start again without --resume") from None
    return tensors


def under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin with `prefix`, without it."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def joined(**parts: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """All tensors of some mappings, each name with the part's name and a slash before it."""
    return {f"{part}/{name}": value for part, tensors in parts.items() for name, value in tensors.items()}
