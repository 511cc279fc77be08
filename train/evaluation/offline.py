"""One answer a clip for recipes: the offline computation over the utterances that the stream would find."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch

from emoscope.models.model import StreamModel
from emoscope.streamer.session.spans import speech_spans

from ..corpora import Clip
from ..corpora.audio import read_clip
from .intervals import interval
from .predictions import Final, clip_answer
from .protocols import Protocol, judge
from .scores import Probabilities, answers, uar


def through_windows(
    model: StreamModel, clips: Sequence[Clip], most_s: float = math.inf, on_clip: Callable[[], None] = lambda: None
) -> Probabilities:
    """(N, L) by the offline computation over the stream's own utterances, each heard for at most `most_s`."""
    contract = model.contract
    rows = []
    for clip in clips:
        audio = read_clip(clip.path, contract.sample_rate)
        finals: list[Final] = []
        for start, end in speech_spans(audio, contract):
            end = int(min(end, start + most_s * contract.sample_rate))
            with torch.inference_mode():
                said = model.forward_windows(torch.from_numpy(audio), start, end)
            if said is not None:
                finals.append(((end - start) / contract.sample_rate, said[0].tolist()))
        rows.append(clip_answer(finals, len(contract.labels)))
        on_clip()
    return np.stack(rows)


def scored(
    labels: Sequence[str], scores: Probabilities, clips: Sequence[Clip], protocol: Protocol
) -> tuple[float, tuple[float, float]]:
    """UAR under a protocol and its 95 % interval."""
    counted, truth = judge(labels, scores, [clip.label for clip in clips], protocol)
    said = answers(counted)
    return uar(said, truth), interval(said, truth)
