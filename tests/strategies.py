"""Audio and ways to cut it, for properties."""

import numpy as np
from hypothesis import strategies as st

from emoscope.streamer.testing import silence, voice


@st.composite
def speech_with_pauses(draw, most=4):
    """Voices and pauses of every awkward length, at 16 kHz."""
    pieces = []
    for number in range(draw(st.integers(1, most))):
        pieces.append(silence(draw(st.floats(0.0, 1.2)), seed=number))
        pitch = draw(st.sampled_from([110.0, 170.0, 240.0]))
        pieces.append(voice(draw(st.floats(0.05, 4.5)), pitch, seed=number))
    pieces.append(silence(draw(st.floats(0.0, 1.0)), seed=99))
    return np.concatenate(pieces)


@st.composite
def splits(draw, most=12):
    """Where to cut a recording, as shares of its length."""
    return sorted(draw(st.lists(st.floats(0, 1), max_size=most)))


def cut(audio, shares):
    """The recording in blocks; some may be empty."""
    return np.split(audio, [int(share * len(audio)) for share in shares])
