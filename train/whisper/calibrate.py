"""Logits of held-out speakers for the calibration: of beginnings encoded by themselves, and of whole utterances."""

from collections.abc import Sequence

import numpy as np
import torch

from emoscope.models.whisper import WhisperModel

from ..acted.calibrate import HeldOutLogits, held_out_of
from ..acted.utterances import Utterance
from .fitting import FRAME_S, pooled

BATCH = 64


@torch.inference_mode()
def held_out_logits(model: WhisperModel, variants: Sequence[Sequence[Utterance]]) -> HeldOutLogits:
    """Logits of every utterance of `variants`, restricted to its corpus's labels."""
    labels = model.contract.labels
    utterances = [u for variant in variants for u in variant if u.frames]
    raw = torch.empty(len(utterances), len(labels))
    by_length: dict[int, list[int]] = {}
    for i, utterance in enumerate(utterances):
        by_length.setdefault(utterance.frames, []).append(i)
    for rows in by_length.values():
        for first in range(0, len(rows), BATCH):
            some = rows[first : first + BATCH]
            sound = torch.from_numpy(np.stack([utterances[i].sound for i in some]).astype(np.float32))
            raw[some] = model.decide(pooled(model, sound), None)[0]
    return held_out_of(raw, [u.clip for u in utterances], [u.frames * FRAME_S for u in utterances], labels)
