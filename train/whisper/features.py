"""The encoder's states of every utterance, computed once and cached in a folder.

A clip is segmented as in a stream of `--vad webrtc`, and every window is encoded alone, as in the stream: a beginning
of an utterance has other states than the same frames of a longer one, because the encoder attends to the whole window.
So beginnings are encoded by themselves too, and so are copies of bad lines and rooms.
"""

import hashlib
import inspect
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from emoscope.models.contract import ModelContract
from emoscope.models.encoders import mel, spectral
from emoscope.models.whisper import encoder as lower
from emoscope.models.whisper.checkpoint import digests_of
from emoscope.models.whisper.encoder import DIM, STATES, LowerWhisper
from emoscope.streamer.session import segmenter, vad

from ..acted.encoded import Passage, encode
from ..acted.utterances import Utterance, cached_utterances
from ..corpora import Clip
from ..corpora.audio import Samples, read_clip
from ..cuts import in_whole_frames, training_spans
from ..evaluation import conditions
from . import degrade
from .degrade import Degrader

VERSION = 1  # of the cache: raise it when the code below computes other values

Variant = Literal["whole", "beginnings", "degraded"]
VARIANTS: tuple[Variant, ...] = ("whole", "beginnings", "degraded")
BEGINNINGS_S = (0.5, 1.0, 1.5, 2.0)
LONGEST_S = 6.0  # of an utterance of a variant: longer ones say nothing new, and cost as much
WIDTH = len(STATES) * DIM


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

    def make() -> list[Utterance]:
        utterances = []
        for begin in range(0, len(clips), 64):  # many clips at once: their windows share batches
            some = clips[begin : begin + 64]
            utterances += _encode(some, encoder, contract, variant, degrader)
            for _ in some:
                on_clip()
        return utterances

    return cached_utterances(path, clips, make, on_clip, WIDTH)


def _encode(
    clips: Sequence[Clip], encoder: LowerWhisper, contract: ModelContract, variant: Variant, degrader: Degrader
) -> list[Utterance]:
    passages = []
    for clip in clips:
        audio = read_clip(clip.path, contract.sample_rate)
        if variant == "degraded":
            audio = degrader.degrade(clip, audio)
        passages += [Passage(clip, audio, start, end) for start, end in _spans(audio, contract, variant)]
    return encode(passages, lambda sound, lengths: encoder.states(sound, lengths).flatten(2), contract)


def _spans(audio: Samples, contract: ModelContract, variant: Variant) -> Iterator[tuple[int, int]]:
    """The utterances of a recording as the stream finds them, or their beginnings, in whole frames."""
    asked = BEGINNINGS_S if variant == "beginnings" else None
    return in_whole_frames(training_spans(audio, contract), contract, LONGEST_S, asked)


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
