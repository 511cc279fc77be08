"""Sentences of different lengths as one batch; each different word's pieces are in it once."""

from collections.abc import Sequence

import numpy as np
import torch

from .network import Sentences
from .words import MARKS, Text


def gather(texts: Sequence[Text]) -> Sentences:
    """A batch of tokenised sentences, padded to the longest."""
    longest = max(1, *(len(text.words) for text in texts))
    shape = (len(texts), longest)
    words, forms = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    marks, mask = np.zeros((*shape, len(MARKS)), np.float32), np.zeros(shape, np.bool_)
    # Form 0 is what padding has: one piece, hidden by the mask.
    places: dict[bytes, int] = {b"": 0}
    pieces: list[np.ndarray[tuple[int], np.dtype[np.int64]]] = [np.zeros(1, np.int64)]
    for row, text in enumerate(texts):
        count = len(text.words)
        words[row, :count], mask[row, :count], marks[row, :count] = text.words, text.spoken, text.marks
        for column, some in enumerate(np.split(text.pieces, text.starts[1:]) if count else []):
            key = some.tobytes()
            if key not in places:
                places[key] = len(pieces)
                pieces.append(some)
            forms[row, column] = places[key]
    starts = np.cumsum([0, *(len(some) for some in pieces)])[:-1]
    tensor = torch.from_numpy
    return Sentences(
        tensor(words), tensor(forms), tensor(np.concatenate(pieces)), tensor(starts), tensor(marks), tensor(mask)
    )
