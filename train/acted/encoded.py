"""Utterances as a frozen encoder's frames: every window is encoded alone, and gives the frames that it owns."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from emoscope.models.contract import ModelContract
from emoscope.models.windows import owned_frames, plan

from ..corpora import Clip
from ..corpora.audio import Samples
from .utterances import Frames, Utterance

BATCH = 16

Encode = Callable[[Tensor, Tensor], Tensor]
"""Frames (B, T, W) of windows of audio (B, lookback + N), lengths (B,) in samples."""


@dataclass(frozen=True)
class Passage:
    """The samples `start` to `end` of a clip's audio, which are encoded as an utterance of the stream."""

    clip: Clip
    audio: Samples
    start: int
    end: int


@dataclass(frozen=True)
class _Piece:
    """A window of passage `passage`: its audio with lookback, and the frames that it owns."""

    passage: int
    audio: Samples
    first: int
    last: int


def encode(passages: Sequence[Passage], frames: Encode, contract: ModelContract) -> list[Utterance]:
    """The utterances of passages, each window encoded as in the stream; windows of one length share batches."""
    pieces: dict[int, list[_Piece]] = {}
    for i, passage in enumerate(passages):
        first_sample = max(0, passage.start - contract.lookback)
        missing = contract.lookback - (passage.start - first_sample)
        sound = np.pad(passage.audio[first_sample : passage.end], (missing, 0))
        for window in plan(contract, passage.end - passage.start):
            first, last = owned_frames(contract, window)
            cut = sound[window.start : window.end + contract.lookback]
            pieces.setdefault(len(cut), []).append(_Piece(i, cut, first, last))
    made: dict[int, list[tuple[int, Frames]]] = {}
    order = 0
    for length in sorted(pieces):
        for begin in range(0, len(pieces[length]), BATCH):
            batch = pieces[length][begin : begin + BATCH]
            stacked = torch.from_numpy(np.stack([piece.audio for piece in batch]))
            lengths = torch.full((len(batch),), length - contract.lookback)
            with torch.inference_mode():
                rows = frames(stacked, lengths).half().numpy()
            for piece, row in zip(batch, rows, strict=True):
                # Windows of a passage are encoded in their order where they are equally long, and only the first can
                # be shorter, when it is the only one.
                made.setdefault(piece.passage, []).append((order, row[piece.first : piece.last]))
                order += 1
    return [
        Utterance(p.clip, p.start, p.end, np.concatenate([row for _, row in sorted(made[i], key=lambda pair: pair[0])]))
        for i, p in enumerate(passages)
    ]
