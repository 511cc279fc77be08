"""The attention of a reading: in spans of time, and under each word."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from emoscope.models.contract import ModelContract
from emoscope.models.pool_state import PoolState

from ..protocol.config import SAMPLE_RATE
from ..protocol.events import SpokenWord
from .pooling import WindowScores

SPAN_S = 0.2  # attention is reported in spans of about this length

Shares = tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]
"""First samples of frames (N,) and the share of each (N,), sum 1 or 0."""


def frame_shares(contract: ModelContract, pool: PoolState | None, scores: list[WindowScores]) -> Shares:
    """The share of the attention that each pooled frame has."""
    if pool is None or not scores:
        return np.zeros(0, np.int64), np.zeros(0)
    starts = np.concatenate([window.start + contract.frame * np.arange(len(window.scores)) for window in scores])
    share = np.asarray(pool.attention(np.concatenate([window.scores for window in scores])), np.float64)
    return starts, share / (share.sum() or 1.0)


def spans(contract: ModelContract, shares: Shares) -> list[tuple[int, int, float]]:
    """(start, end, share) of stretches of about `SPAN_S`, samples."""
    frame = contract.frame
    each = max(1, round(SPAN_S * SAMPLE_RATE / frame))
    starts, share = shares
    return [
        (int(starts[i]), int(starts[min(i + each, len(starts)) - 1]) + frame, float(share[i : i + each].sum()))
        for i in range(0, len(starts), each)
    ]


def under_words(contract: ModelContract, shares: Shares, words: Sequence[SpokenWord]) -> list[float]:
    """Each word's share of the attention under words, sum 1 or 0; a frame counts by how much of it a word covers."""
    starts, share = shares
    found = []
    for word in words:
        begin, end = word.start * SAMPLE_RATE, word.end * SAMPLE_RATE
        overlap = np.clip(np.minimum(starts + contract.frame, end) - np.maximum(starts, begin), 0, None)
        found.append(float((share * overlap).sum()) / contract.frame)
    total = sum(found)
    return [one / total for one in found] if total > 0 else [0.0] * len(found)


def word_weights(frames: Sequence[float], text: Sequence[float], text_share: float) -> list[float]:
    """The weight of each word in a reading, sum 1: its audio and its text, mixed by how much each branch counted.

    frames      shares from `under_words`, all 0 where no attention is known
    text        the text branch's share of each word, () where it counted none
    text_share  how much the text branch counted, 0 to 1
    """
    count = len(frames)
    if not count:
        return []
    even = [1.0 / count] * count
    audio = list(frames) if sum(frames) > 0 else even
    if len(text) != count:
        text, text_share = even, 0.0
    mixed = [(1 - text_share) * a + text_share * b for a, b in zip(audio, text, strict=True)]
    total = sum(mixed)
    return [one / total for one in mixed] if total > 0 else even
