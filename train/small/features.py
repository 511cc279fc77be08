"""Front-end features of every utterance, computed once and cached in a folder.

A clip is segmented as in a stream of `--vad webrtc`: that detector finds its utterances, and front-end frames count
from the start of an utterance. They are kept before they are levelled, because noise and rooms are added to powers.
"""

import hashlib
import inspect
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from emoscope.models.contract import ModelContract
from emoscope.models.small import frontend as frontend_module
from emoscope.models.small import pitch
from emoscope.models.small.frontend import Frontend
from emoscope.streamer.session import segmenter
from emoscope.streamer.session import vad as detector

from ..acted.utterances import Utterance, cached_utterances
from ..corpora import Clip
from ..corpora.audio import read_clip
from ..cuts import training_spans
from ..errors import ClipUnusable, CorpusInvalid

VERSION = 3  # of the cache: raise it when the code below computes other values


def extract(clip: Clip, frontend: Frontend, contract: ModelContract) -> list[Utterance]:
    """The clip's utterances as the stream would find them; an empty list where it detects no speech."""
    audio = read_clip(clip.path, contract.sample_rate)
    lookback = frontend.raw_lookback
    padded = torch.from_numpy(np.concatenate([np.zeros(lookback, np.float32), audio]))
    found = []
    for start, end in training_spans(audio, contract):
        end -= (end - start) % contract.frame
        if end > start:
            with torch.inference_mode():
                sound = frontend.raw(padded[None, start : end + lookback])[0]
            found.append(Utterance(clip, start, end, sound.numpy().astype(np.float16)))
    return found


def prepare(
    clips: Sequence[Clip],
    frontend: Frontend,
    contract: ModelContract,
    cache: Path,
    on_clip: Callable[[], None] = lambda: None,
) -> list[Utterance]:
    """Utterances of all clips, from the cache or made now. `on_clip` is called after each clip."""
    key = _fingerprint(clips, frontend, contract)
    path = cache / f"sound-{clips[0].corpus}-{key[:16]}.safetensors"

    def make() -> list[Utterance]:
        utterances = []
        for clip in clips:
            utterances += extract(clip, frontend, contract)
            on_clip()
        if not utterances:
            raise CorpusInvalid(f"{clips[0].corpus}: the voice detector detects no speech in any of {len(clips)} clips")
        return utterances

    return cached_utterances(path, clips, make, on_clip)


def _fingerprint(clips: Sequence[Clip], frontend: Frontend, contract: ModelContract) -> str:
    """The key of the cache: it changes with the files, the front end and the segmentation."""
    content = {
        "version": VERSION,
        "contract": [contract.frame, contract.tail],
        "cutting": [hashlib.sha256(inspect.getsource(part).encode()).hexdigest() for part in (detector, segmenter)],
        "frontend": [hashlib.sha256(inspect.getsource(part).encode()).hexdigest() for part in (frontend_module, pitch)],
        "width": [frontend.bands, frontend.width],
        "files": [[clip.name, clip.path.suffix, clip.path.stat().st_size] for clip in clips],
    }
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def mel_of_noises(clips: Sequence[Clip], frontend: Frontend) -> Tensor:
    """Mel powers in dB (N, bands), float16, of recordings without a voice, one after the other."""
    made = []
    for clip in clips:
        # libsndfile refuses some Opus files that other decoders read; the other recordings are enough.
        with suppress(ClipUnusable), torch.inference_mode():
            audio = torch.from_numpy(read_clip(clip.path, frontend.sample_rate))
            made.append(frontend.mel(audio[None])[0].half())
    return torch.cat(made)
