"""Answers for recipes: one a clip, by the offline computation over the utterances that the stream would find."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch

from emoscope.models.model import StreamModel

from ..corpora import Clip
from ..corpora.audio import read_clip
from ..cuts import training_spans
from .intervals import interval
from .predictions import Final, clip_answer
from .protocols import Protocol, apply_protocol
from .scores import Probabilities, answers, uar


def through_windows(
    model: StreamModel, clips: Sequence[Clip], most_s: float = math.inf, on_clip: Callable[[], None] = lambda: None
) -> Probabilities:
    """(N, L) by the offline computation over the stream's own utterances, each cut to its first `most_s`."""
    contract = model.contract
    rows = []
    for clip in clips:
        audio = read_clip(clip.path, contract.sample_rate)
        finals: list[Final] = []
        for start, end in training_spans(audio, contract):
            end = int(min(end, start + most_s * contract.sample_rate))
            with torch.inference_mode():
                reading = model.forward_windows(torch.from_numpy(audio), start, end)
            if reading is not None:
                finals.append(((end - start) / contract.sample_rate, reading[0].tolist()))
        rows.append(clip_answer(finals, len(contract.labels)))
        on_clip()
    return np.stack(rows)


def scored(
    labels: Sequence[str], scores: Probabilities, clips: Sequence[Clip], protocol: Protocol
) -> tuple[float, tuple[float, float]]:
    """UAR under a protocol and its 95 % interval."""
    counted, truth = apply_protocol(labels, scores, [clip.label for clip in clips], protocol)
    predicted = answers(counted)
    return uar(predicted, truth), interval(predicted, truth)
