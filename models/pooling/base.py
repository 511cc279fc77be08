"""What every pooling offers: a state that frames are added to, states that merge, and a vector read from a state."""

import math
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from ..pool_state import PoolState


def without_autocast(where: Tensor) -> AbstractContextManager[object]:
    """A context in which autocast is off on the device of `where`; meta tensors have no autocast."""
    device = where.device.type
    return nullcontext() if device == "meta" else torch.autocast(device, enabled=False)


StateT = TypeVar("StateT", bound=PoolState)


class Pooling(nn.Module, ABC, Generic[StateT]):
    """Pools frames into a vector, at once or in parts, with the same result.

    Every pooling is masked: a hidden frame changes nothing, whatever it holds. A mask that hides every frame
    gives the empty state, which reads as zeros and leaves any state that it is merged with as it was. Features
    may be bfloat16; scores and states are float32.

    dim     K, width of a frame
    width   width of what `read` gives
    """

    dim: int
    width: int

    @abstractmethod
    def init_state(self, batch: int = 1, device: torch.device | str | None = None) -> StateT:
        """The state of no frames, with leading axis `batch`, on the device of the frames to come."""

    @abstractmethod
    def summarise(self, features: Tensor, mask: Tensor) -> tuple[StateT, Tensor]:
        """State of features (B, T, K) where mask (B, T) is true, and the scores (B, T, Q, H) that weigh them."""

    @abstractmethod
    def read(self, state: StateT) -> Tensor:
        """Pooled vector (B, width) of a state."""

    @abstractmethod
    def weights(self, features: Tensor, mask: Tensor) -> Tensor:
        """How much each frame counted (B, T, Q, H): sums to 1 over the frames, 0 where hidden."""

    def update(self, state: StateT, features: Tensor, mask: Tensor) -> StateT:
        """The state after more frames: constant work, however many came before."""
        return state.merge(self.summarise(features, mask)[0])

    @staticmethod
    def merge(a: StateT, b: StateT) -> StateT:
        """State of the union of two disjoint sets of frames; associative and commutative."""
        return a.merge(b)

    @staticmethod
    def forget(state: StateT, seconds: float, half_life_s: float) -> StateT:
        """The state when `seconds` more have passed: what it holds counts half as much after each half-life."""
        return state.weighted(-math.log(2.0) * seconds / half_life_s)

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """The whole utterance at once: read(update(init_state)). Merging with the empty state changes nothing."""
        return self.read(self.summarise(features, mask)[0])
