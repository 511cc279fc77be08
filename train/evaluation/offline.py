"""One answer a clip, as the stream gives it: what its finals say, weighted by the speech behind each."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch

from emoscope.models.model import StreamModel
from emoscope.streamer import replay
from emoscope.streamer.events import EmotionFinal
from emoscope.streamer.spans import speech_spans

from .corpora import Clip
from .features import read_clip
from .scores import Probabilities, Protocol, answers, interval, judge, uar

Final = tuple[float, Sequence[float]]
"""Seconds of speech and the probability of each label."""


def clip_answer(finals: Sequence[Final], labels: int) -> Probabilities:
    """Probabilities (L,) of a clip: the mean of its finals' log-probabilities, each weighted by its seconds.

    Zeros where no final came: such a clip counts as wrong.
    """
    if not finals:
        return np.zeros(labels)
    logs = np.log(np.array([scores for _, scores in finals], np.float64).clip(1e-9))
    mean = np.average(logs, axis=0, weights=[seconds for seconds, _ in finals])
    scores = np.exp(mean - mean.max())
    return np.asarray(scores / scores.sum(), np.float64)


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


def through_stream(
    model: StreamModel, clips: Sequence[Clip], on_clip: Callable[[], None] = lambda: None
) -> Probabilities:
    """(N, L) by the live path: each clip is a session of its own."""
    labels = model.contract.labels
    rows = []
    for clip in clips:
        finals: list[Final] = [
            (event.end - event.start, [event.scores[label] for label in labels])
            for event in replay(clip.path, model)
            if isinstance(event, EmotionFinal)
        ]
        rows.append(clip_answer(finals, len(labels)))
        on_clip()
    return np.stack(rows)


def scored(
    labels: Sequence[str], scores: Probabilities, clips: Sequence[Clip], protocol: Protocol
) -> tuple[float, tuple[float, float]]:
    """UAR under a protocol and its 95 % interval."""
    counted, truth = judge(labels, scores, [clip.label for clip in clips], protocol)
    said = answers(counted)
    return uar(said, truth), interval(said, truth)
