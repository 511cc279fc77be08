"""Augmentation in training: each clip, with a probability, at another speed, in a room, in noise, louder, or coded.

Casals-Salvador et al. (2024), section 3: speed, reverberation and background noise, drawn anew in every epoch. Gain and
codecs are what recordings of users have besides. Every draw comes from the step's own generator, so that a training
that is resumed hears the same.
"""

from collections.abc import Sequence
from contextlib import suppress

import numpy as np

from ..corpora import Clip
from ..corpora.audio import Samples, change_speed, read_clip
from ..errors import ClipUnusable
from ..evaluation.conditions import RATE, Rng, add, coded, reverberate

KINDS = ("speed", "room", "noise", "gain", "codec")
SPEED = (0.9, 1.1)
ROOM_S = (0.2, 0.8)
SNR_DB = (5.0, 20.0)
GAIN_DB = (-10.0, 10.0)
CODECS = (("OGG", "VORBIS", 0.9), ("OGG", "OPUS", 0.95), ("MP3", "MPEG_LAYER_III", 0.8))


class Augment:
    """Augments samples at 16 kHz with a probability; `sounds` are recordings of noise, hiss where there are none."""

    def __init__(self, probability: float, sounds: Sequence[Clip] = (), kinds: Sequence[str] = KINDS) -> None:
        self._probability, self._kinds, self._sounds = probability, tuple(kinds), list[Samples]()
        for clip in sounds:
            with suppress(ClipUnusable):  # libsndfile refuses some Opus files; the others are enough
                self._sounds.append(read_clip(clip.path, RATE))

    def __call__(self, audio: Samples, rng: Rng) -> Samples:
        """The clip itself or a changed copy, in [-1, 1]."""
        if rng.random() >= self._probability:
            return audio
        kind = self._kinds[int(rng.integers(len(self._kinds)))]
        return np.asarray(np.clip(self._changed(kind, audio, rng), -1, 1), np.float32)

    def _changed(self, kind: str, audio: Samples, rng: Rng) -> Samples:
        match kind:
            case "speed":
                return change_speed(audio, rng.uniform(*SPEED))
            case "room":
                return reverberate(audio, rng.uniform(*ROOM_S), rng)
            case "noise":
                return add(audio, self._noise(len(audio), rng), rng.uniform(*SNR_DB))
            case "gain":
                return np.asarray(audio * 10 ** (rng.uniform(*GAIN_DB) / 20), np.float32)
            case "codec":
                return coded(audio, *CODECS[int(rng.integers(len(CODECS)))])
        raise ValueError(f"no augmentation {kind!r}; there are {', '.join(KINDS)}")

    def _noise(self, count: int, rng: Rng) -> Samples:
        if not self._sounds:
            return rng.standard_normal(count).astype(np.float32)
        noise = self._sounds[int(rng.integers(len(self._sounds)))]
        begin = int(rng.integers(len(noise)))
        return np.take(noise, np.arange(begin, begin + count), mode="wrap")
