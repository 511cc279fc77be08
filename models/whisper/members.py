"""Several small heads as one: each pools and reads its own features, and the answer is their mean.

Heads that were trained from other seeds err differently, so the mean of what they say is right more often than one of
them. Their poolings are one state of one softmax a query and head, so they merge exactly.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from ..pool_state import SoftmaxState
from ..pooling import AttentivePooling
from ..pooling.softmax import SoftmaxPooling

PER_FEATURE = ("own", "centre", "spread")
SHARED = ("mean", "deviation")


class MembersPooling(SoftmaxPooling):
    """Attentive statistics of `members` times `dim` features of a frame, each member's by itself.

    The state's queries are those of the first member, then those of the second, and so on.
    """

    def __init__(self, dim: int, members: int, queries: int, heads: int) -> None:
        super().__init__(dim, members * queries, heads)
        self.members = nn.ModuleList(AttentivePooling(dim, queries, heads) for _ in range(members))

    def _with_own(self, features: Tensor) -> list[tuple[AttentivePooling, Tensor]]:
        """Each member, and its features (B, T, dim)."""
        members = [member for member in self.members if isinstance(member, AttentivePooling)]
        return list(zip(members, features.chunk(len(members), -1), strict=True))

    def scores(self, features: Tensor) -> Tensor:
        return torch.cat([member.scores(own) for member, own in self._with_own(features)], 2)

    def summarise(self, features: Tensor, mask: Tensor) -> tuple[SoftmaxState, Tensor]:
        """As in `Pooling`, of features (B, T, members * dim)."""
        made = [member.summarise(own, mask) for member, own in self._with_own(features)]
        arrays = [state.arrays() for state, _ in made]
        state = SoftmaxState(**{name: torch.cat([own[name] for own in arrays], 1) for name in arrays[0]})
        return state, torch.cat([scores for _, scores in made], 2)


class MembersLinear(nn.Module):
    """A linear layer for each member, over its part of what `MembersPooling` reads: all means, then all deviations."""

    def __init__(self, members: int, width: int, outputs: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(width // members, outputs) for _ in range(members))

    def forward(self, embedding: Tensor) -> Tensor:
        """The mean (B, outputs) of what the members say of embeddings (B, width)."""
        parts = embedding.reshape(len(embedding), 2, len(self.layers), -1).transpose(1, 2).flatten(2)
        return torch.stack([layer(parts[:, i]) for i, layer in enumerate(self.layers)]).mean(0)


def join_members(members: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The tensors of one model of these members, from those of models of one member each.

    What is counted by feature of the embedding has the members' means first, then their deviations. The statistics of
    the encoder's states are the same in all of them.
    """
    joined: dict[str, Tensor] = {}
    for name, tensor in members[0].items():
        own = [member[name] for member in members]
        if name in PER_FEATURE:
            joined[name] = torch.stack([tensor.reshape(2, -1) for tensor in own], 1).flatten()
        elif name in SHARED:
            joined[name] = tensor
        else:
            for number, one in enumerate(own):
                joined[name.replace(".0.", f".{number}.", 1)] = one
    return joined
