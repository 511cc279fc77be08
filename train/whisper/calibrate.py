"""Logits of held-out speakers for the calibration: of beginnings encoded by themselves, and of whole utterances."""

from collections.abc import Sequence

import numpy as np
import torch

from emoscope.models.whisper import WhisperModel

from ..corpora import CALM_LIKE, CORPORA
from ..small.calibrate import HeldOutLogits
from ..small.features import Utterance
from ..small.losses import restrict
from .fitting import FRAME_S, pooled

BATCH = 64


@torch.inference_mode()
def held_out_logits(model: WhisperModel, variants: Sequence[Sequence[Utterance]]) -> HeldOutLogits:
    """Logits of every utterance of `variants`, restricted to its corpus's labels.

    Of read speech all labels count, and the likeliest of CALM_LIKE is taken to be right.
    """
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
    corpora = [u.clip.corpus for u in utterances]
    allowed = torch.tensor(
        [[corpus == "read" or label in CORPORA[corpus].labels for label in labels] for corpus in corpora]
    )
    calm = torch.tensor([label in CALM_LIKE for label in labels])
    calmest = raw.masked_fill(~calm, -torch.inf).argmax(1).tolist()
    truth = [calmest[i] if u.clip.corpus == "read" else labels.index(u.clip.label) for i, u in enumerate(utterances)]
    share = {corpus: 1 / corpora.count(corpus) for corpus in set(corpora)}
    return HeldOutLogits(
        restrict(raw, allowed).double().numpy(),
        np.array(truth),
        np.array([u.frames * FRAME_S for u in utterances]),
        np.array([share[corpus] for corpus in corpora]),
    )
