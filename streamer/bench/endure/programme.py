"""Two minutes of sound that are played again and again: half of them speech, the rest silence, noise and music."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...protocol.config import SAMPLE_RATE
from ..clients import read_pcm

SILENCE_S, NOISE_S, MUSIC_S, SPEECH_S = 24, 18, 18, 60
CYCLE_S = SILENCE_S + NOISE_S + MUSIC_S + SPEECH_S
NOTES_HZ = (220.0, 277.2, 329.6, 440.0, 392.0, 349.2)
NOTE_S = 0.5

Block = npt.NDArray[np.int16]


class Programme:
    """The sound, the same in each cycle; it begins in silence, where a session's detector is created anew.

    audio  a recording of speech
    """

    def __init__(self, audio: Path) -> None:
        chance = np.random.default_rng(7)
        speech = np.frombuffer(read_pcm(str(audio)), "<i2").astype(np.int16)
        self._parts: dict[str, Block] = {
            "silence": _pcm(1e-4 * chance.standard_normal(SILENCE_S * SAMPLE_RATE)),
            "noise": _pcm(0.02 * chance.standard_normal(NOISE_S * SAMPLE_RATE)),
            "music": _pcm(_music()),
            "speech": np.resize(speech, SPEECH_S * SAMPLE_RATE),
        }

    def cycle(self) -> Iterator[tuple[str, Block]]:
        """One cycle in blocks of a second (16000,), each with its kind of sound."""
        for kind, samples in self._parts.items():
            for begin in range(0, len(samples), SAMPLE_RATE):
                yield kind, samples[begin : begin + SAMPLE_RATE]


def _music() -> npt.NDArray[np.float64]:
    """Chords of plucked strings."""
    time = np.arange(MUSIC_S * SAMPLE_RATE) / SAMPLE_RATE
    place = (time / NOTE_S).astype(int)
    decay = np.exp(-4.0 * (time % NOTE_S))
    sound = np.zeros_like(time)
    for voice in range(3):
        hz = np.asarray(NOTES_HZ)[(place * (voice + 1) + 2 * voice) % len(NOTES_HZ)]
        for harmonic in range(1, 6):
            sound += np.sin(2 * np.pi * harmonic * hz * time) / harmonic**1.5
    played: npt.NDArray[np.float64] = 0.08 * decay * sound
    return played


def _pcm(samples: npt.NDArray[np.float64]) -> Block:
    return (np.clip(samples, -1, 1) * 32_767).astype(np.int16)
