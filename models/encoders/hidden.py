"""Choosing a transformer's hidden states: the last, one of them, or a learned sum of all."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import CardInvalid
from .config import Layer


def layer_index(layer: Layer, depth: int) -> Layer:
    """`layer` counted from the first, 0 to `depth`; CardInvalid if there is none."""
    if isinstance(layer, int):
        if not -depth - 1 <= layer <= depth:
            raise CardInvalid(f"layer {layer} of an encoder that has {depth}; 0 is what the first layer is given")
        return layer % (depth + 1)
    return layer


class HiddenStates(nn.Module):
    """Runs a transformer and returns the hidden states that `layer` selects.

    State 0 is what the first layer is given, state i the output of layer i, and the last one, `depth`, what the model
    puts out, after its final normalisation if it has one.
    """

    def __init__(self, layer: Layer, depth: int) -> None:
        super().__init__()
        layer = layer_index(layer, depth)
        self.layer: Layer = "last" if layer == depth else layer
        self.depth = depth
        if layer == "weighted":
            self.weights = nn.Parameter(torch.zeros(depth + 1))

    def forward(self, layers: Sequence[nn.Module], run: Callable[[], Tensor]) -> Tensor:
        """Chosen states (B, T, D) of the model that `run` runs, whose layers are `layers`."""
        if self.layer == "last":
            return run()
        states: list[Tensor] = []

        def given(_: nn.Module, args: tuple[Any, ...]) -> None:
            states.append(args[0])

        def made(_: nn.Module, __: Any, output: Any) -> None:
            states.append(output[0] if isinstance(output, tuple) else output)

        wanted = self.layer if isinstance(self.layer, int) else self.depth
        handles = [layers[0].register_forward_pre_hook(given)]
        handles += [layer.register_forward_hook(made) for layer in layers[:wanted]]
        try:
            last = run()
        finally:
            for handle in handles:
                handle.remove()
        if isinstance(self.layer, int):
            return states[self.layer]
        shares = torch.softmax(self.weights, 0)
        states[self.depth] = last
        return torch.stack([share * state for share, state in zip(shares, states, strict=True)]).sum(0)
