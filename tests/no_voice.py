"""Sounds without a voice that webrtcvad takes for one, made with numpy at 16 kHz."""

import numpy as np
import numpy.typing as npt
from numpy.fft import irfft, rfft, rfftfreq

RATE = 16_000
Sound = npt.NDArray[np.float32]


def plucked(seconds: float, hz: float = 261.63) -> Sound:
    """A string that is plucked every 0.6 s (Karplus and Strong 1983)."""
    rng = np.random.default_rng(1)
    count, period = round(0.6 * RATE), round(RATE / hz)
    note = np.zeros(count)
    note[:period] = rng.uniform(-1, 1, period)
    for begin in range(period, count, period):
        before = note[begin - period : begin]
        piece = 0.5 * (before + np.roll(before, 1))
        note[begin : begin + period] = piece[: count - begin]
    return _fitted(note, seconds, 0.5)


def pink(seconds: float, level: float) -> np.ndarray:
    """Noise of equal power in each octave, as of a road or a room."""
    spectrum = np.fft.rfft(np.random.default_rng(5).standard_normal(round(seconds * 16_000)))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    spectrum[0] = 0
    sound = np.fft.irfft(spectrum)
    return (sound * (level / sound.std())).astype(np.float32)


def pink_waves(seconds: float) -> Sound:
    """Pink noise that swells and ebbs every eight seconds, as the sea does."""
    count = round(60 * RATE)
    hz = rfftfreq(count, 1 / RATE)
    spectrum = rfft(np.random.default_rng(2).standard_normal(count)) / np.sqrt(np.maximum(hz, 20.0))
    swell = 1 - 0.85 * (0.5 + 0.5 * np.sin(2 * np.pi * 0.12 * np.arange(count) / RATE))
    return _fitted(irfft(spectrum, count) * swell, seconds, 0.3)


def rain(seconds: float) -> Sound:
    """A hiss with drops: short resonances of many pitches."""
    rng = np.random.default_rng(3)
    sound = 0.05 * rng.standard_normal(20 * RATE)
    time = np.arange(RATE // 25) / RATE
    for _ in range(600):
        begin = int(rng.integers(len(sound) - len(time)))
        drop = np.exp(-time / rng.uniform(0.002, 0.01)) * np.sin(2 * np.pi * rng.uniform(500, 4_000) * time)
        sound[begin : begin + len(time)] += rng.uniform(0.1, 0.6) * drop
    return _fitted(sound, seconds, 0.3)


def music(seconds: float) -> Sound:
    """Three voices of notes with seven partials and a vibrato each, and a drum, at 150 beats a minute."""
    rng = np.random.default_rng(5)
    sound = np.zeros(20 * RATE)
    time = np.arange(round(0.8 * RATE)) / RATE
    for begin in range(0, len(sound) - len(time) + 1, round(0.4 * RATE)):
        for octave in (110.0, 220.0, 440.0):
            hz = octave * 2 ** (rng.choice([0, 2, 4, 5, 7, 9, 11]) / 12)
            phase = 2 * np.pi * hz * np.cumsum(1 + 0.004 * np.sin(2 * np.pi * 5.5 * time)) / RATE
            note = np.sum([np.sin(k * phase) / k**1.3 for k in range(1, 8)], 0)
            sound[begin : begin + len(time)] += note * np.exp(-time / 0.5) * (1 - np.exp(-time / 0.01))
        sound[begin : begin + len(time)] += rng.standard_normal(len(time)) * np.exp(-time / 0.03)
    return _fitted(sound, seconds, 0.4)


def ticking(seconds: float) -> Sound:
    """A clock, twice a second, in a quiet room."""
    time = np.arange(RATE // 2) / RATE
    tick = np.exp(-time / 0.012) * (np.sin(2 * np.pi * 1_800 * time) + np.sin(2 * np.pi * 3_100 * time))
    return _fitted(tick + 2e-3 * np.random.default_rng(4).standard_normal(len(tick)), seconds, 0.4)


def _fitted(sound: npt.NDArray[np.float64], seconds: float, level: float) -> Sound:
    """The sound over and over for so many seconds; its largest sample is `level`."""
    return np.resize(level * sound / np.abs(sound).max(), round(seconds * RATE)).astype(np.float32)
