"""Logits of held-out speakers for the calibration, of beginnings of utterances and of whole ones."""

from collections.abc import Sequence

import torch

from emoscope.models.small import SmallModel

from ..acted.calibrate import SECONDS, HeldOutLogits, held_out_of
from ..acted.utterances import Utterance
from .pooling import embeddings_of


def logits_of_beginnings(
    model: SmallModel, utterances: Sequence[Utterance], seconds: Sequence[float] = SECONDS
) -> HeldOutLogits:
    """Logits after each of `seconds` of every utterance that is long enough, and after all of it."""
    rate = model.contract.sample_rate / model.frontend.hop
    cuts = [(u, min(u.frames, round(s * rate))) for u in utterances for s in seconds if u.frames >= s * rate]
    cuts += [(u, u.frames) for u in utterances]
    cuts = [(u, frames - frames % model.encoder.stride) for u, frames in cuts]
    with torch.inference_mode():
        raw = model.decide(embeddings_of(model, [torch.from_numpy(u.sound[:frames]) for u, frames in cuts]), None)[0]
    return held_out_of(raw, [u.clip for u, _ in cuts], [frames / rate for _, frames in cuts], model.contract.labels)
