"""Where a reading's attention lay: in spans of time, and under each word."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from emoscope.models.contract import ModelContract
from emoscope.models.pool_state import PoolState

from ..protocol.config import SAMPLE_RATE
from ..protocol.events import SpokenWord
from .steps import Weighed

SPAN_S = 0.2  # attention is reported in spans of about this length

Shares = tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]
"""First samples of frames (N,) and the share of each (N,), sum 1 or 0."""


def frame_shares(contract: ModelContract, pool: PoolState | None, weighed: list[Weighed]) -> Shares:
    """The attention of each frame that was pooled."""
    if pool is None or not weighed:
        return np.zeros(0, np.int64), np.zeros(0)
    scores = np.concatenate([w.scores for w in weighed])
    starts = np.concatenate([w.start + contract.frame * np.arange(len(w.scores)) for w in weighed])
    share = np.asarray(pool.attention(scores), np.float64)
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
    """Each word's part of the attention that lies under words at all; a frame under two words is halved by overlap."""
    starts, share = shares
    found = []
    for word in words:
        begin, end = word.start * SAMPLE_RATE, word.end * SAMPLE_RATE
        overlap = np.clip(np.minimum(starts + contract.frame, end) - np.maximum(starts, begin), 0, None)
        found.append(float((share * overlap).sum()) / contract.frame)
    total = sum(found)
    return [one / total for one in found] if total > 0 else [0.0] * len(found)


def word_weights(frames: Sequence[float], text: Sequence[float], text_share: float) -> list[float]:
    """What each word carried, sum 1: the frames under it and what it says, by how much each branch counted.

    frames  of `under_words`, all 0 where no attention is known
    text    the text branch's share of each word, () where it said nothing
    """
    count = len(frames)
    if not count:
        return []
    even = [1.0 / count] * count
    heard = list(frames) if sum(frames) > 0 else even
    if len(text) != count:
        text, text_share = even, 0.0
    mixed = [(1 - text_share) * a + text_share * b for a, b in zip(heard, text, strict=True)]
    total = sum(mixed)
    return [one / total for one in mixed] if total > 0 else even
