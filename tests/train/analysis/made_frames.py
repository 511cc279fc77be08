"""Utterances with attention that a test chooses."""

from pathlib import Path

import numpy as np

from emoscope.train.analysis.frames import Utterance
from emoscope.train.corpora import Clip


def utterance(weights, energy=None, speaker="03", embedding=(0.0,), name="a", label="angry", start=0) -> Utterance:
    """An utterance of frames of 40 ms; `weights` (T,) of one softmax, or (T, G)."""
    array = np.asarray(weights, np.float32)
    array = array[:, None] if array.ndim == 1 else array
    loud = np.ones(len(array), np.float32) if energy is None else np.asarray(energy, np.float32)
    clip = Clip("emodb", name, Path(f"{name}.wav"), speaker, label)
    return Utterance(clip, start, 640, array / array.sum(0), loud, np.asarray(embedding, np.float32))
