"""The voices of the demo recording, for tests in which the real voice detector decides: it refuses made voices."""

import csv
from pathlib import Path

import numpy as np

from emoscope.train.corpora.audio import read_clip

RECORDINGS = Path(__file__).parents[1] / "demo" / "recordings"
RATE = 16_000


def spoken(*numbers: int) -> np.ndarray:
    """The clips of these numbers, 0 to 15, with the room before and after each: (n,) samples at 16 kHz."""
    audio = read_clip(RECORDINGS / "conversation.flac", RATE)
    rows = list(csv.DictReader((RECORDINGS / "conversation.tsv").open(encoding="utf-8"), delimiter="\t"))
    bounds = [(round(float(rows[n]["start"]) * RATE), round(float(rows[n]["end"]) * RATE)) for n in numbers]
    return np.concatenate([audio[start:end] for start, end in bounds])
