"""Pooling in training: the stream's own windows and ownership, over crops of one length."""

from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor

from emoscope.models.pool_state import PoolState, SoftmaxState
from emoscope.models.small import SmallModel
from emoscope.models.windows import owned_frames, plan


def pool_crops(model: SmallModel, mel: Tensor) -> SoftmaxState:
    """Pooled states (batch B) of crops mel (B, frames, bands) in dB, each taken as an utterance of its own.

    The windows of all crops go through the encoder as one batch: they are equally long, since `plan` gives either
    one short window or full ones only.
    """
    contract, hop = model.contract, model.frontend.hop
    windows = list(plan(contract, mel.shape[1] * hop))
    batch, count = len(mel), len(windows)
    stacked = torch.cat([mel[:, w.start // hop : w.end // hop] for w in windows])
    owned = torch.tensor([owned_frames(contract, w) for w in windows]).repeat_interleave(batch, 0)
    lengths = torch.full((batch * count,), stacked.shape[1])
    state = model.encode_mel(stacked, lengths, owned).state

    def part(i: int) -> PoolState:
        return state.map(lambda array: array[i * batch : (i + 1) * batch])

    merged = reduce(lambda a, b: a.merge(b), [part(i) for i in range(count)])
    assert isinstance(merged, SoftmaxState)
    return merged


@torch.inference_mode()
def logits_of(model: SmallModel, mels: Sequence[Tensor], batch: int = 64) -> Tensor:
    """Label logits (N, L) of N utterances of any lengths, each mel (frames, bands); equal lengths share a batch."""
    order: dict[int, list[int]] = {}
    for i, mel in enumerate(mels):
        order.setdefault(len(mel), []).append(i)
    found = torch.empty(len(mels), len(model.contract.labels))
    for rows in order.values():
        for first in range(0, len(rows), batch):
            some = rows[first : first + batch]
            found[some] = model.logits(pool_crops(model, torch.stack([mels[i].float() for i in some])))[0]
    return found
