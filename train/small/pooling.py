"""Embeddings of utterances in training, from the front end's frames before they are levelled.

An utterance is encoded at once. Its pooled state is that of its windows in a stream, each encoded by itself: a frame
belongs to a window whose edges are farther away than the encoder sees.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from emoscope.models.small import SmallModel


def features_of(model: SmallModel, raw: Tensor) -> Tensor:
    """The encoder's features (B, frames / 4, dim) of utterances (B, frames, width)."""
    features: Tensor = model.encoder(model.frontend.level(raw), None)
    return features


def pooled(model: SmallModel, features: Tensor) -> Tensor:
    """Embeddings (B, K) of utterances from features (B, T, dim), float32 whatever comes in."""
    every = torch.ones(features.shape[:2], dtype=torch.bool)
    return model.embed(model.pooling.summarise(features.float(), every)[0])


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
            found[some] = pooled(model, features_of(model, torch.stack([sounds[i].float() for i in some])))
    return found
