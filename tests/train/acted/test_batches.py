"""Batches hold a few voices, several utterances of each, all of one length, and the same for the same seed."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emoscope.train.acted.batches import BatchConfig, Draw, gather
from emoscope.train.acted.utterances import Utterance
from emoscope.train.corpora import Clip
from emoscope.train.errors import SplitInvalid

CONFIG = BatchConfig(steps=40, voices=3, size=8, shares={"emodb": 0.7, "nemo": 0.3}, skewed=0.0)


def utterances(seed=0):
    """Two voices a corpus, of many sad clips and few angry ones, of 0.3 to 3 s. Each frame tells its clip."""
    rng = np.random.default_rng(seed)
    found: list[Any] = []
    for corpus in ("emodb", "nemo"):
        for i in range(40):
            label, speaker = "angry" if i % 8 < 2 else "sad", str(i % 2)
            frames = int(rng.integers(30, 300)) // 4 * 4
            sound = np.full((frames, 4), len(found), np.float16)
            clip = Clip(corpus, f"{corpus}{i}", Path("x.wav"), speaker, label)
            found.append(Utterance(clip, 0, frames * 160, sound))
    return found


VARIANTS = [utterances(0), utterances(1)]


def clips_of(batch):
    """The clips of each crop's pieces."""
    return [[VARIANTS[crop.variant][piece.utterance].clip for piece in crop.pieces] for crop in batch]


def test_a_batch_holds_crops_of_one_length_within_their_utterances():
    """No padding: it would enter the batch normalisation's statistics."""
    batches = Draw(VARIANTS, CONFIG).epoch(np.random.default_rng(0))
    assert len(batches) == CONFIG.steps
    for batch in batches:
        assert len(batch) == 24
        assert len({crop.frames for crop in batch}) == 1
        assert batch[0].frames % 4 == 0
        for crop in batch:
            for piece in crop.pieces:
                assert 0 <= piece.first <= VARIANTS[crop.variant][piece.utterance].frames - piece.frames
        sound = gather(VARIANTS, batch)
        assert sound.shape == (24, batch[0].frames, 4)
        assert [row[0, 0] for row in sound] == [crop.pieces[0].utterance for crop in batch]


def test_utterances_of_a_speaker_are_adjacent_and_concatenated_pieces_have_one_label():
    """The baseline of a speaker comes from adjacent utterances; a crop of several pieces has one emotion."""
    batches = Draw(VARIANTS, CONFIG).epoch(np.random.default_rng(1))
    assert len(batches) == CONFIG.steps
    for batch in batches:
        clips = clips_of(batch)
        assert clips and len(clips) == len(batch)
        for first in range(0, len(clips), CONFIG.size):
            group = [clip for crop in clips[first : first + CONFIG.size] for clip in crop]
            assert len({(clip.corpus, clip.speaker) for clip in group}) == 1
        assert all(len({clip.label for clip in crop}) == 1 for crop in clips)
        assert all(len({crop.variant for crop in batch[i : i + 8]}) == 1 for i in range(0, len(batch), 8))


def test_classes_of_a_voice_come_alike_however_rare_they_are():
    """Unless a voice is drawn to show one or two emotions alone."""
    batches = Draw(VARIANTS, CONFIG).epoch(np.random.default_rng(0))
    counts = Counter(crop[0].label for batch in batches for crop in clips_of(batch))
    assert counts["angry"] == counts["sad"]
    skewed = BatchConfig(steps=40, voices=3, size=8, shares={"emodb": 1.0}, skewed=1.0)
    alone = 0
    for batch in Draw(VARIANTS, skewed).epoch(np.random.default_rng(0)):
        labels = [crop[0].label for crop in clips_of(batch)]
        alone += sum(len(set(labels[i : i + 8])) == 1 for i in range(0, len(labels), 8))
    assert 30 < alone < 90


def test_corpora_come_in_their_shares():
    """Seven voices in ten are of the corpus that has seven tenths."""
    batches = Draw(VARIANTS, CONFIG).epoch(np.random.default_rng(0))
    corpora = Counter(crop[0].corpus for batch in batches for crop in clips_of(batch))
    assert corpora["emodb"] / corpora.total() == pytest.approx(0.7, abs=0.12)


@pytest.mark.parametrize("share", [0.0, 0.6, 1.0])
def test_so_many_pieces_are_beginnings_as_were_asked_for(share):
    """An interim prediction covers a beginning; of a clip that is longer than the crop any other part may be drawn."""
    config = BatchConfig(steps=60, voices=3, size=8, shares={"emodb": 1.0}, lengths=((1.0, 48, 48),), beginnings=share)
    pieces = [
        (VARIANTS[crop.variant][piece.utterance].frames - piece.frames, piece.first)
        for batch in Draw(VARIANTS, config).epoch(np.random.default_rng(3))
        for crop in batch
        for piece in crop.pieces
    ]
    first = [place == 0 for room, place in pieces if room > 60]
    assert sum(first) / len(first) == pytest.approx(share, abs=0.04)


def test_the_same_seed_draws_the_same_epoch():
    """And another seed another one, with as many batches."""
    draw = Draw(VARIANTS, CONFIG)
    first, again, other = (draw.epoch(np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert first == again != other
    assert len(first) == len(other) == 40


def test_a_corpus_without_an_utterance_is_named():
    """Nothing can be drawn from it."""
    with pytest.raises(SplitInvalid, match="urdu"):
        Draw(VARIANTS, BatchConfig(steps=1, voices=1, size=2, shares={"urdu": 1.0}))
