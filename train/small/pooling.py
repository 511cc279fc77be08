"""Pooling in training: the stream's own windows and ownership, over crops of one length."""

from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor

from emoscope.models.pool_state import PoolState, SoftmaxState
from emoscope.models.small import SmallModel
from emoscope.models.windows import owned_frames, plan


def pool_crops(model: SmallModel, sound: Tensor) -> SoftmaxState:
    """Pooled states (batch B) of crops (B, frames, width) of the front end, each treated as one utterance.

    The windows of all crops go through the encoder as one batch: they are equally long, since `plan` gives either
    one short window or full ones only.
    """
    contract, hop = model.contract, model.frontend.hop
    windows = list(plan(contract, sound.shape[1] * hop))
    batch, count = len(sound), len(windows)
    stacked = torch.cat([sound[:, w.start // hop : w.end // hop] for w in windows])
    owned = torch.tensor([owned_frames(contract, w) for w in windows]).repeat_interleave(batch, 0)
    lengths = torch.full((batch * count,), stacked.shape[1])
    state = model.encode_frames(stacked, lengths, owned).state

    def part(i: int) -> PoolState:
        return state.map(lambda array: array[i * batch : (i + 1) * batch])

    merged = reduce(lambda a, b: a.merge(b), [part(i) for i in range(count)])
    assert isinstance(merged, SoftmaxState)
    return merged


@torch.inference_mode()
def embeddings_of(model: SmallModel, sounds: Sequence[Tensor], batch: int = 64) -> Tensor:
    """Embeddings (N, K) of N utterances of any lengths, each (frames, width); equal lengths share a batch."""
    order: dict[int, list[int]] = {}
    for i, sound in enumerate(sounds):
        order.setdefault(len(sound), []).append(i)
    found = torch.empty(len(sounds), model.pooling.width)
    for rows in order.values():
        for first in range(0, len(rows), batch):
            some = rows[first : first + batch]
            found[some] = model.embed(pool_crops(model, torch.stack([sounds[i].float() for i in some])))
    return found
