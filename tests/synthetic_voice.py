"""Sounds that resemble a voice a little, for corpora that are made by tests."""

from pathlib import Path

import numpy as np
import soundfile

RATE = 16_000


def voice(seconds: float, pitch_hz: float, seed: int = 0) -> np.ndarray:
    """A buzz through two formants, loud and soft as syllables are, with a little silence on both sides."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * RATE)) / RATE
    harmonics = [
        np.sin(2 * np.pi * k * pitch_hz * t + rng.uniform(0, 6)) / (1 + abs(k * pitch_hz - f) / 200)
        for k in range(1, int(4000 / pitch_hz))
        for f in (600, 1400)
    ]
    syllables = 0.6 + 0.4 * np.sin(2 * np.pi * 4 * t)
    sound = np.sum(harmonics, 0) * syllables
    sound = 0.3 * sound / np.abs(sound).max()
    quiet = np.zeros(int(0.2 * RATE))
    return (np.concatenate([quiet, sound, quiet]) + rng.normal(0, 1e-4, len(sound) + 2 * len(quiet))).astype(np.float32)


def write(path: Path, seconds: float, pitch_hz: float, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, voice(seconds, pitch_hz, seed), RATE)
