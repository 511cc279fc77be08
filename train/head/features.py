"""A frozen encoder's frames of every utterance, computed once and cached in a folder.

A clip is cut as in a stream, and every window is encoded alone, as in the stream. Beginnings are encoded by themselves:
an encoder that attends to the whole window gives other frames to the beginning of an utterance than to the same frames
of the whole.
"""

import hashlib
import inspect
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from emoscope.models import windows
from emoscope.streamer.session import segmenter, vad

from ..acted import encoded
from ..acted.encoded import Passage, encode
from ..acted.utterances import Utterance, cached_utterances
from ..corpora import Clip
from ..corpora.audio import Samples, read_part
from ..cuts import in_whole_frames, training_spans
from .encoders import FrozenEncoder

VERSION = 1  # of the cache: raise it when the code below computes other values

Variant = Literal["whole", "beginnings", "everything"]
BEGINNINGS_S = (1.0, 2.0)
LONGEST_S = 8.0  # of an utterance: longer ones say little new, and cost as much
TOGETHER = 64  # clips whose windows share batches


def prepare(
    clips: Sequence[Clip],
    encoder: FrozenEncoder,
    variant: Variant,
    cache: Path,
    on_clip: Callable[[], None] = lambda: None,
) -> list[Utterance]:
    """The utterances of clips; `sound` (frames, width) holds the encoder's frames, float16.

    whole       each utterance that the voice detector finds, to LONGEST_S
    beginnings  its first BEGINNINGS_S, where it is longer
    everything  each clip from end to end, whatever the detector says
    """
    key = _fingerprint(clips, encoder, variant)
    path = cache / f"frames-{variant}-{key[:24]}.safetensors"

    def make() -> list[Utterance]:
        utterances = []
        for begin in range(0, len(clips), TOGETHER):
            passages: list[Passage] = []
            for clip in clips[begin : begin + TOGETHER]:
                audio = read_part(clip, encoder.contract.sample_rate)
                passages += [Passage(clip, audio, start, end) for start, end in _spans(audio, encoder, variant)]
                on_clip()
            utterances += encode(passages, encoder.frames, encoder.contract)
        return utterances

    return cached_utterances(path, clips, make, on_clip, encoder.width)


def _spans(audio: Samples, encoder: FrozenEncoder, variant: Variant) -> Iterator[tuple[int, int]]:
    contract = encoder.contract
    found = [(0, len(audio))] if variant == "everything" else training_spans(audio, contract)
    return in_whole_frames(found, contract, LONGEST_S, BEGINNINGS_S if variant == "beginnings" else None)


def _fingerprint(clips: Sequence[Clip], encoder: FrozenEncoder, variant: Variant) -> str:
    """The key of the cache: it changes with the files, the encoder, the windows and the segmentation."""
    contract = encoder.contract
    content = {
        "version": VERSION,
        "variant": variant,
        "lengths": [BEGINNINGS_S, LONGEST_S],
        "contract": [contract.window, contract.hop, contract.frame, contract.lookback, contract.tail],
        "code": [_digest(inspect.getsource(part)) for part in (vad, segmenter, windows, encoded)],
        "encoder": _digest(encoder.digest()),
        "files": [_state(clip) for clip in clips],
    }
    return _digest(json.dumps(content))


def _state(clip: Clip) -> list[object]:
    stat = clip.path.stat()
    return [clip.name, clip.path.suffix, stat.st_size, stat.st_mtime_ns, clip.begin_s, clip.end_s]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
