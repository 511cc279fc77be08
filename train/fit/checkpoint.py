"""A training half-way, on disk: one safetensors file with the state as JSON in its header. Never a pickle."""

import json
from pathlib import Path
from typing import Any, Protocol

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from emoscope.models.cards import replace_file

from ..errors import CheckpointInvalid, TrainingError

MOMENTS = ("exp_avg", "exp_avg_sq")


class Kept(Protocol):
    """Weights beside the model's own, such as their average or the best so far, and how often they were renewed."""

    values: dict[str, Tensor]
    steps: int


def save_checkpoint(
    path: Path, model: nn.Module, optimizer: torch.optim.Adam, average: Kept, state: dict[str, Any]
) -> None:
    """Write everything that going on needs, whole or not at all: a full disk leaves the checkpoint before."""
    tensors: dict[str, Tensor] = {}
    for name, value in model.state_dict().items():
        tensors[f"model/{name}"] = value
    for name, value in average.values.items():
        tensors[f"average/{name}"] = value
    for name, parameter in model.named_parameters():
        held = optimizer.state.get(parameter, {})
        for moment in (*MOMENTS, "step"):
            if moment in held:
                tensors[f"optimizer/{moment}/{name}"] = held[moment]
    tensors = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    content = safetensors.torch.save(tensors, {"state": json.dumps({**state, "averaged": average.steps})})
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


def load_checkpoint(path: Path, model: nn.Module, optimizer: torch.optim.Adam, average: Kept) -> dict[str, Any]:
    """Put a saved training back, and return its JSON state. The model must be the one that was saved."""
    state = read_state(path)
    tensors = safetensors.torch.load_file(path)

    def under(prefix: str) -> dict[str, Tensor]:
        return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}

    try:
        model.load_state_dict(under("model/"))
    except RuntimeError as error:
        raise CheckpointInvalid(f"{path}: another model was trained there: {error}; choose another --work") from None
    average.values.update(under("average/"))
    average.steps = int(state["averaged"])
    for name, parameter in model.named_parameters():
        held = {m: tensors[f"optimizer/{m}/{name}"] for m in (*MOMENTS, "step") if f"optimizer/{m}/{name}" in tensors}
        if held:
            held = {m: value if m == "step" else value.to(parameter.device) for m, value in held.items()}
            optimizer.state[parameter].update(held)
    return state
