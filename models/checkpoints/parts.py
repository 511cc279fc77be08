"""What a family of checkpoints is to the others: how it is recognised, named, built, and how its windows merge."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from ..encoders import SpeechEncoder
from ..errors import HeadMismatch
from ..pool_state import PoolState
from ..pooling import AveragePooling, Pooling
from .labels import raw_labels
from .read import Weights, names_in_header, read_tensors

MEAN = "the mean over its frames merges exactly over windows"


@dataclass(frozen=True)
class Snapshot:
    """A checkpoint's files: config.json, preprocessor_config.json if there is one, and the weights when asked for."""

    folder: Path
    name: str
    config: dict[str, Any]
    preprocessor: dict[str, Any]

    @cached_property
    def weights(self) -> Weights:
        """All its tensors in transformers' layout, read once; raises as `read_tensors` does."""
        return read_tensors(self.folder)

    @cached_property
    def tensor_names(self) -> frozenset[str]:
        """The names of its tensors; of a safetensors file without reading the tensors."""
        names = names_in_header(self.folder)
        return frozenset(self.weights) if names is None else names


def weights_of(snapshot: Snapshot) -> Weights:
    """The tensors of a checkpoint in transformers' layout."""
    return snapshot.weights


def config_labels(snapshot: Snapshot) -> tuple[str, ...]:
    """The labels of a checkpoint's config, checked."""
    return raw_labels(snapshot.config, snapshot.name)


class Head(nn.Module):
    """What stands on an encoder. Its weights have the names of the checkpoint's.

    pooling  of the frames that `frames` gives; its states merge exactly
    count    how many outputs there are
    """

    pooling: Pooling[Any]
    count: int

    def frames(self, hidden: Tensor) -> Tensor:
        """Features (B, T, K) that are pooled, of hidden states (B, T, D); by default the same."""
        return hidden

    def pooled(self, state: PoolState) -> Tensor:
        """Vector (B, W) of a pooled state."""
        vector: Tensor = self.pooling.read(state)
        return vector

    @abstractmethod
    def forward(self, vector: Tensor) -> Tensor:
        """Outputs (B, O) in the checkpoint's order: logits of labels, or dimensions from 0 to 1."""


class MeanHead(Head):
    """A head over the mean of the frames, of width `dim`."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.pooling = AveragePooling(dim)


@dataclass(frozen=True)
class Parts:
    """A checkpoint's network, and which of its tensors belong where; nothing is left over."""

    encoder: SpeechEncoder
    head: Head
    encoder_weights: Weights
    head_weights: Weights


@dataclass(frozen=True, kw_only=True)
class Family:
    """Checkpoints of one layout.

    recognises     whether a checkpoint is of this family, by its config
    outputs        the names of its outputs, in order; those of its config unless the family has another place
    seconds        window and hop of the stream
    reliable_from  seconds of speech before which its label says nothing (`unsure`)
    merging        how its windows become an utterance, in words
    notes          what else a reader of its card should know
    """

    name: str
    recognises: Callable[[Snapshot], bool]
    outputs: Callable[[Snapshot], tuple[str, ...]] = config_labels
    seconds: tuple[float, float] = (4.0, 2.0)
    reliable_from: float = 0.0
    merging: str = MEAN
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class VoiceFamily(Family):
    """A family that hears.

    build  its network; raises CardInvalid or HeadMismatch
    read   its tensors, in transformers' layout unless the family has another
    """

    build: Callable[[Snapshot, Weights], Parts]
    read: Callable[[Snapshot], Weights] = weights_of


def split(weights: Weights, prefix: str) -> tuple[Weights, Weights]:
    """The tensors under `prefix`, without it, and all others."""
    inside = {name.removeprefix(prefix): tensor for name, tensor in weights.items() if name.startswith(prefix)}
    return inside, {name: tensor for name, tensor in weights.items() if not name.startswith(prefix)}


def without(weights: Weights, prefixes: tuple[str, ...]) -> Weights:
    """The tensors that are under none of `prefixes`: heads that are known, and known not to be used here."""
    return {name: tensor for name, tensor in weights.items() if not name.startswith(prefixes)}


def rows_of(weights: Weights, name: str, where: str, others: str = "") -> int:
    """Rows of a weight; HeadMismatch where the checkpoint has no such matrix."""
    tensor = weights.get(name)
    if tensor is None or tensor.ndim != 2:
        raise HeadMismatch(f"{where}: no matrix {name}{others}")
    return int(tensor.shape[0])
