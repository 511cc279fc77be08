"""Utterances with what a training reads of them, and their cache on disk."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import safetensors
import safetensors.numpy

from emoscope.models.cards import replace_file

from ..corpora import Clip
from ..errors import CorpusInvalid

Frames = npt.NDArray[np.float16]


@dataclass(frozen=True)
class Utterance:
    """One utterance of a clip. `sound` (frames, width) is what a training reads of it; start, end in samples."""

    clip: Clip
    start: int
    end: int
    sound: Frames

    @property
    def frames(self) -> int:
        return len(self.sound)


def cached_utterances(
    path: Path, clips: Sequence[Clip], make: Callable[[], list[Utterance]], on_clip: Callable[[], None], width: int = 0
) -> list[Utterance]:
    """The utterances of a cache, which is made where there is none.

    make     makes them, and calls `on_clip` after each clip; for a cache that exists, that is done here
    width    of a frame, for a cache without utterances
    """
    if path.is_file():
        utterances = load_utterances(path, clips)
        for _ in clips:
            on_clip()
        return utterances
    utterances = make()
    store_utterances(path, clips, utterances, width)
    return utterances


def store_utterances(path: Path, clips: Sequence[Clip], utterances: Sequence[Utterance], width: int = 0) -> None:
    """Write the utterances of clips to a cache, which `load_utterances` reads; `width` of a frame where there are none.

    CorpusInvalid where it cannot be written.
    """
    index = {clip: i for i, clip in enumerate(clips)}
    spans = np.array([(index[u.clip], u.start, u.end, u.frames) for u in utterances], np.int64).reshape(-1, 4)
    sound = np.concatenate([u.sound for u in utterances]) if utterances else np.zeros((0, width), np.float16)
    path.parent.mkdir(parents=True, exist_ok=True)
    content = safetensors.numpy.save({"spans": spans, "sound": sound})
    try:
        replace_file(path, content)
    except OSError as error:
        raise CorpusInvalid(
            f"cannot write the cache {path}: {error.strerror}; `--work DIR` puts it elsewhere"
        ) from None


def load_utterances(path: Path, clips: Sequence[Clip]) -> list[Utterance]:
    """The utterances of a cache; CorpusInvalid for a broken one."""
    try:
        held = safetensors.numpy.load_file(path)
    except (safetensors.SafetensorError, OSError) as error:
        raise CorpusInvalid(f"{path}: broken cache ({error}); delete it, it will be made again") from None
    utterances, position = [], 0
    for clip, start, end, frames in held["spans"].tolist():
        utterances.append(Utterance(clips[clip], start, end, held["sound"][position : position + frames]))
        position += frames
    return utterances
