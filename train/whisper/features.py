"""The encoder's states of every utterance, computed once and cached in a folder.

A clip is segmented as in a stream of `--vad webrtc`, and every window is encoded alone, as in the stream: a beginning
of an utterance has other states than the same frames of a longer one, because the encoder attends to the whole window.
So beginnings are encoded by themselves too, and so are copies of bad lines and rooms.
"""

import hashlib
import inspect
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from emoscope.models.contract import ModelContract
from emoscope.models.encoders import mel, spectral
from emoscope.models.whisper import encoder as lower
from emoscope.models.whisper.checkpoint import digests_of
from emoscope.models.whisper.encoder import DIM, STATES, LowerWhisper
from emoscope.models.windows import owned_frames, plan
from emoscope.streamer.session import segmenter, vad

from ..acted.utterances import Utterance, load_utterances, store_utterances
from ..corpora import Clip
from ..corpora.audio import Samples, read_clip
from ..cuts import training_spans
from ..evaluation import conditions
from . import degrade
from .degrade import Degrader

VERSION = 1  # of the cache: raise it when the code below computes other values

Variant = Literal["whole", "beginnings", "degraded"]
VARIANTS: tuple[Variant, ...] = ("whole", "beginnings", "degraded")
BEGINNINGS_S = (0.5, 1.0, 1.5, 2.0)
LONGEST_S = 6.0  # of an utterance of a variant: longer ones say nothing new, and cost as much
BATCH = 16
WIDTH = len(STATES) * DIM


@dataclass(frozen=True)
class _Piece:
    """A window of utterance `utterance`: its audio with lookback, and the frames that it owns."""

    utterance: int
    audio: Samples
    first: int
    last: int


def prepare(
    clips: Sequence[Clip],
    encoder: LowerWhisper,
    contract: ModelContract,
    variant: Variant,
    cache: Path,
    degrader: Degrader,
    on_clip: Callable[[], None] = lambda: None,
) -> list[Utterance]:
    """The utterances of one corpus's clips; `sound` (frames of 40 ms, 2 x 512) holds both states, float16."""
    key = _fingerprint(clips, encoder, contract, variant, degrader)
    path = cache / f"states-{clips[0].corpus}-{variant}-{key[:16]}.safetensors"
    if path.is_file():
        utterances = load_utterances(path, clips)
        for _ in clips:
            on_clip()
        return utterances
    utterances = []
    for begin in range(0, len(clips), 64):  # many clips at once: their windows share batches
        some = clips[begin : begin + 64]
        utterances += _encode(some, encoder, contract, variant, degrader)
        for _ in some:
            on_clip()
    store_utterances(path, clips, utterances, WIDTH)
    return utterances


def _encode(
    clips: Sequence[Clip], encoder: LowerWhisper, contract: ModelContract, variant: Variant, degrader: Degrader
) -> list[Utterance]:
    found: list[tuple[Clip, int, int]] = []
    pieces: dict[int, list[_Piece]] = {}
    for clip in clips:
        audio = read_clip(clip.path, contract.sample_rate)
        if variant == "degraded":
            audio = degrader.degrade(clip, audio)
        padded = np.concatenate([np.zeros(contract.lookback, np.float32), audio])
        for start, end in _spans(audio, contract, variant):
            found.append((clip, start, end))
            for window in plan(contract, end - start):
                first, last = owned_frames(contract, window)
                cut = padded[start + window.start : start + window.end + contract.lookback]
                pieces.setdefault(len(cut), []).append(_Piece(len(found) - 1, cut, first, last))
    states: dict[int, list[tuple[int, np.ndarray]]] = {}
    order = 0
    for length in sorted(pieces):
        for begin in range(0, len(pieces[length]), BATCH):
            batch = pieces[length][begin : begin + BATCH]
            sound = torch.from_numpy(np.stack([piece.audio for piece in batch]))
            lengths = torch.full((len(batch),), length - contract.lookback)
            with torch.inference_mode():
                made = encoder.states(sound, lengths).flatten(2).half().numpy()
            for piece, row in zip(batch, made, strict=True):
                # Windows of an utterance are encoded in their order where they are equally long, and only the first
                # can be shorter, when it is the only one.
                states.setdefault(piece.utterance, []).append((order, row[piece.first : piece.last]))
                order += 1
    return [
        Utterance(clip, start, end, np.concatenate([row for _, row in sorted(states[i], key=lambda pair: pair[0])]))
        for i, (clip, start, end) in enumerate(found)
    ]


def _spans(audio: Samples, contract: ModelContract, variant: Variant) -> Iterator[tuple[int, int]]:
    """The utterances of a recording as the stream finds them, or their beginnings, in whole frames."""
    for start, end in training_spans(audio, contract):
        longest = min(end - start, round(LONGEST_S * contract.sample_rate))
        lengths = [longest]
        if variant == "beginnings":
            asked = [round(seconds * contract.sample_rate) for seconds in BEGINNINGS_S]
            lengths = [length for length in asked if length < longest]
        for length in lengths:
            length -= length % contract.frame
            if length:
                yield start, start + length


def _fingerprint(
    clips: Sequence[Clip], encoder: LowerWhisper, contract: ModelContract, variant: Variant, degrader: Degrader
) -> str:
    """The key of the cache: it changes with the files, the encoder, the windows, the segmentation and the noises."""
    degraded = variant == "degraded"
    parts = (vad, segmenter, mel, spectral, lower, *((degrade, conditions) if degraded else ()))
    content = {
        "version": VERSION,
        "variant": variant,
        "beginnings": BEGINNINGS_S,
        "longest": LONGEST_S,
        "contract": [contract.window, contract.hop, contract.frame, contract.lookback, contract.tail],
        "code": [hashlib.sha256(inspect.getsource(part).encode()).hexdigest() for part in parts],
        "encoder": digests_of(encoder.model.state_dict()),
        "sounds": degrader.digest if degraded else "",
        "files": [[clip.name, clip.path.suffix, clip.path.stat().st_size] for clip in clips],
    }
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
