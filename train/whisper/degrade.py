"""One degraded copy of each clip, always the same: another speed, then a noise, a room or a telephone line."""

import hashlib
from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import soxr

from ..corpora import Clip
from ..corpora.audio import Samples, change_speed, read_clip
from ..errors import ClipUnusable
from ..evaluation.conditions import RATE, TELEPHONE_RATE, Rng, add, reverberate, telephone

SPEEDS = (0.9, 1.0, 1.1)
KINDS = ("none", "sound", "sound", "hiss", "room", "telephone")
SNR_DB = (3.0, 20.0)
ROOMS_S = (0.2, 0.8)


class Degrader:
    """Degrades clips; `sounds` are recordings without a voice, from which noise is taken."""

    def __init__(self, sounds: Sequence[Clip]) -> None:
        self._sounds = []
        for clip in sounds:
            # libsndfile refuses some Opus files that other decoders read; the other recordings are enough.
            with suppress(ClipUnusable):
                self._sounds.append(read_clip(clip.path, RATE))

    @property
    def digest(self) -> str:
        """SHA-256 of the noises."""
        return hashlib.sha256(b"".join(sound.tobytes() for sound in self._sounds)).hexdigest()

    def degrade(self, clip: Clip, audio: Samples) -> Samples:
        """A copy of `audio` (16 kHz), drawn by the clip's name."""
        seed = int.from_bytes(hashlib.sha256(f"{clip.corpus}/{clip.name}".encode()).digest()[:8], "little")
        rng = np.random.default_rng(seed)
        audio = change_speed(audio, SPEEDS[int(rng.integers(len(SPEEDS)))])
        match KINDS[int(rng.integers(len(KINDS)))]:
            case "sound" if self._sounds:
                return np.clip(add(audio, self._noise(len(audio), rng), rng.uniform(*SNR_DB)), -1, 1)
            case "hiss":
                hiss = rng.standard_normal(len(audio)).astype(np.float32)
                return np.clip(add(audio, hiss, rng.uniform(10.0, 30.0)), -1, 1)
            case "room":
                return np.clip(reverberate(audio, rng.uniform(*ROOMS_S), rng), -1, 1)
            case "telephone":
                return np.asarray(soxr.resample(telephone(audio), TELEPHONE_RATE, RATE), np.float32)
        return audio

    def _noise(self, count: int, rng: Rng) -> Samples:
        noise = self._sounds[int(rng.integers(len(self._sounds)))]
        begin = int(rng.integers(len(noise)))
        return np.take(noise, np.arange(begin, begin + count), mode="wrap")
