"""Audio for tests, at 16 kHz: synthetic speech and silence."""

import numpy as np

from ..protocol.config import SAMPLE_RATE
from ..session.vad import Samples


def voice(seconds: float, pitch_hz: float = 140.0, level: float = 0.1, seed: int = 0) -> Samples:
    """Synthetic speech that the voice detector accepts: a pulse train through three formants, louder in each syllable.

    seconds   length
    pitch_hz  fundamental frequency
    level     largest sample, 1 is full scale
    seed      another seed gives other noise and another phase of the syllables

    Returns (seconds * 16,000,) samples.
    """
    count = round(seconds * SAMPLE_RATE)
    time = np.arange(count) / SAMPLE_RATE
    random = np.random.default_rng(seed)
    wobble = pitch_hz * (1 + 0.05 * np.sin(2 * np.pi * 0.7 * time + random.uniform(0, 6)))
    phase = 2 * np.pi * np.cumsum(wobble) / SAMPLE_RATE
    signal = np.zeros(count)
    for harmonic in range(1, int(4_000 / pitch_hz)):
        hz = harmonic * pitch_hz
        gain = sum(1 / (1 + ((hz - centre) / 120.0) ** 2) for centre in (550.0, 1_400.0, 2_500.0))
        signal += gain * np.sin(harmonic * phase)
    swell = 0.55 + 0.45 * np.sin(2 * np.pi * 3.5 * time + random.uniform(0, 6))
    signal = signal * swell + 0.002 * random.standard_normal(count)
    scaled: Samples = (level * signal / (np.abs(signal).max(initial=0.0) + 1e-9)).astype(np.float32)
    return scaled


def silence(seconds: float, noise: float = 1e-4, seed: int = 0) -> Samples:
    """A quiet room: (seconds * 16,000,) samples of white noise with a standard deviation of `noise`.

    A `noise` of 0 is digital silence.
    """
    count = round(seconds * SAMPLE_RATE)
    return (noise * np.random.default_rng(seed).standard_normal(count)).astype(np.float32)
