"""Batches are balanced, of one length each, and the same for the same seed."""

from collections import Counter
from pathlib import Path

import numpy as np

from emoscope.train.batches import BatchConfig, draw_epoch, gather
from emoscope.train.corpora import Clip
from emoscope.train.features import Utterance

CONFIG = BatchConfig(size=8, per_epoch={"emodb": 60, "nemo": 30}, longest=200)


def utterances(seed=0):
    """Many sad clips, few angry ones, of 0.3 to 3 s."""
    rng = np.random.default_rng(seed)
    found = []
    for corpus in ("emodb", "nemo"):
        for i in range(40):
            label = "angry" if i % 8 == 0 else "sad"
            frames = int(rng.integers(30, 300)) // 4 * 4
            mel = rng.normal(size=(frames, 4)).astype(np.float16)
            found.append(Utterance(Clip(corpus, f"{corpus}{i}", Path("x.wav"), "1", label), 0, frames * 160, mel))
    return found


SPEEDS = [utterances(0), utterances(1)]


def test_a_batch_holds_crops_of_one_length_within_their_utterances():
    """No padding: it would enter the batch normalisation's statistics."""
    for batch in draw_epoch(SPEEDS, CONFIG, np.random.default_rng(0)):
        assert len({crop.frames for crop in batch}) == 1
        assert batch[0].frames % 4 == 0
        for crop in batch:
            assert 0 <= crop.first <= SPEEDS[crop.speed][crop.utterance].frames - crop.frames
        assert gather(SPEEDS, batch).shape == (len(batch), batch[0].frames, 4)


def test_corpora_and_classes_come_in_their_shares():
    """However many clips a class has, it is drawn as often as the others of its corpus."""
    drawn = [SPEEDS[c.speed][c.utterance].clip for b in draw_epoch(SPEEDS, CONFIG, np.random.default_rng(0)) for c in b]
    counts = Counter((clip.corpus, clip.label) for clip in drawn)
    assert counts == {("emodb", "angry"): 30, ("emodb", "sad"): 30, ("nemo", "angry"): 15, ("nemo", "sad"): 15}


def test_the_same_seed_draws_the_same_epoch():
    """And another seed another one, with as many batches."""
    first, again, other = (draw_epoch(SPEEDS, CONFIG, np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert first == again != other
    assert len(first) == len(other)
