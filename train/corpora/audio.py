"""Reading the recordings of a corpus: mono samples at the requested rate."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from ..errors import ClipUnusable
from .listing import Clip

SHORTEST_S = 0.2  # shorter than any clip of the corpora

Samples = npt.NDArray[np.float32]


def read_clip(path: Path, sample_rate: int) -> Samples:
    """Mono samples in [-1, 1] at `sample_rate`; ClipUnusable for an empty, short or broken file."""
    try:
        audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise ClipUnusable(f"{path}: cannot be read as sound: {error}") from None
    if len(audio) < SHORTEST_S * rate:
        raise ClipUnusable(f"{path}: {1000 * len(audio) / rate:.0f} ms; at least {1000 * SHORTEST_S:.0f} are needed")
    mono: Samples = np.ascontiguousarray(audio.mean(1), np.float32)
    if not np.isfinite(mono).all():
        raise ClipUnusable(f"{path}: holds samples that are not finite")
    return mono if rate == sample_rate else np.asarray(soxr.resample(mono, rate, sample_rate), np.float32)


def read_part(clip: Clip, sample_rate: int) -> Samples:
    """As `read_clip`, of the part of the recording that is the clip; ClipUnusable where that is too short."""
    audio = read_clip(clip.path, sample_rate)
    end = len(audio) if clip.end_s is None else round(clip.end_s * sample_rate)
    part = audio[round(clip.begin_s * sample_rate) : end]
    if len(part) < SHORTEST_S * sample_rate:
        raise ClipUnusable(
            f"{clip.path}: from {clip.begin_s:g} s to {'its end' if clip.end_s is None else f'{clip.end_s:g} s'} are "
            f"{1000 * len(part) / sample_rate:.0f} ms; at least {1000 * SHORTEST_S:.0f} are needed"
        )
    return part


def change_speed(audio: Samples, speed: float) -> Samples:
    """Resample to `speed` times the tempo and the pitch: Ko et al. (2015), "Audio augmentation for ASR"."""
    return audio if speed == 1.0 else np.asarray(soxr.resample(audio, 1000 * speed, 1000), np.float32)
