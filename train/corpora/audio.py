"""Reading the recordings of a corpus: mono samples at the requested rate.

WAV, FLAC and Ogg are decoded by libsndfile, with which the shipped weights were trained: another decoder of Opus gives
slightly other samples. Everything else is read as `replay` does.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from emoscope.streamer.protocol.errors import UnreadableAudio
from emoscope.streamer.sources.recordings import Recording

from ..errors import ClipUnusable
from .listing import SOUNDS, Clip

SHORTEST_S = 0.2  # shorter than any clip of the corpora
BLOCK_S = 10.0

Samples = npt.NDArray[np.float32]


def read_clip(path: Path, sample_rate: int) -> Samples:
    """Mono samples in [-1, 1] at `sample_rate`; ClipUnusable for an empty, short or broken file."""
    mono, rate = _decoded(path) if path.suffix.lower() in SOUNDS else _recorded(path)
    if len(mono) < SHORTEST_S * rate:
        raise ClipUnusable(f"{path}: {1000 * len(mono) / rate:.0f} ms; at least {1000 * SHORTEST_S:.0f} are needed")
    return mono if rate == sample_rate else np.asarray(soxr.resample(mono, rate, sample_rate), np.float32)


def _decoded(path: Path) -> tuple[Samples, int]:
    try:
        audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise ClipUnusable(f"{path}: cannot be read as sound: {error}") from None
    mono = np.ascontiguousarray(audio.mean(1), np.float32)
    if not np.isfinite(mono).all():
        raise ClipUnusable(f"{path}: holds samples that are not finite")
    return mono, int(rate)


def _recorded(path: Path) -> tuple[Samples, int]:
    try:
        with Recording(path) as recording:
            blocks = [block[:, 0] for block in recording.blocks(BLOCK_S)]
            return np.concatenate(blocks), recording.sample_rate
    except UnreadableAudio as error:
        raise ClipUnusable(str(error)) from None


def read_part(clip: Clip, sample_rate: int) -> Samples:
    """As `read_clip`, of the part of the recording that is the clip; ClipUnusable where that is too short.

    Of parts that are read one after the other, the recording is decoded once.
    """
    if clip.begin_s == 0.0 and clip.end_s is None:
        return read_clip(clip.path, sample_rate)
    try:
        changed = clip.path.stat().st_mtime_ns
    except OSError as error:
        raise ClipUnusable(f"{clip.path}: cannot be read: {error.strerror}") from None
    audio = _last_recording(clip.path, changed, sample_rate)
    end = len(audio) if clip.end_s is None else round(clip.end_s * sample_rate)
    part = audio[round(clip.begin_s * sample_rate) : end]
    if len(part) < SHORTEST_S * sample_rate:
        raise ClipUnusable(
            f"{clip.path}: from {clip.begin_s:g} s to {'its end' if clip.end_s is None else f'{clip.end_s:g} s'} are "
            f"{1000 * len(part) / sample_rate:.0f} ms; at least {1000 * SHORTEST_S:.0f} are needed"
        )
    return part.copy()


@lru_cache(maxsize=1)
def _last_recording(path: Path, changed: int, sample_rate: int) -> Samples:
    """As `read_clip`, kept until another is read, or this one is changed."""
    return read_clip(path, sample_rate)


def change_speed(audio: Samples, speed: float) -> Samples:
    """Resample to `speed` times the tempo and the pitch: Ko et al. (2015), "Audio augmentation for ASR"."""
    return audio if speed == 1.0 else np.asarray(soxr.resample(audio, 1000 * speed, 1000), np.float32)
