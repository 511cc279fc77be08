"""Sentences of the demo recording, for tests whose engine has the real voice detector: it refuses synthetic voices."""

from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

RECORDING = Path(__file__).parents[1] / "demo" / "recordings" / "conversation.flac"
RATE = 16_000
SENTENCES_S = ((0.9, 3.3), (5.2, 7.6), (9.6, 12.4), (14.2, 16.4))
"""Seconds of the first four: two actors, neutral, angry, calm and fearful."""


@cache
def _recording() -> npt.NDArray[np.float32]:
    samples, rate = soundfile.read(RECORDING, dtype="float32")
    assert rate == RATE
    return np.asarray(samples)


def sentence(number: int) -> npt.NDArray[np.float32]:
    """One sentence, with hardly any silence around it, at 16 kHz."""
    start, end = SENTENCES_S[number]
    return _recording()[round(start * RATE) : round(end * RATE)].copy()
