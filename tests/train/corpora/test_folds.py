"""Every speaker is scored once, by a training that excludes them."""

import itertools

import pytest

from emoscope.train.corpora import TRAINED, load_corpora
from emoscope.train.corpora.folds import EMOBOX_RAVDESS, FOLDS, SPEAKERS, fold_speakers
from emoscope.train.errors import SplitInvalid


@pytest.mark.parametrize("folds", [*SPEAKERS.values(), EMOBOX_RAVDESS])
def test_no_speaker_is_in_two_folds(folds):
    """Each speaker has one fold."""
    assert all(set(a).isdisjoint(b) for a, b in itertools.combinations(folds, 2))
    assert len(folds) > 1 and all(folds)


def test_every_speaker_of_the_real_corpora_has_a_fold(shared):
    """And every fold of each corpus has somebody to score."""
    clips = load_corpora(shared, TRAINED)
    assert TRAINED
    for corpus in TRAINED:
        speakers = {clip.speaker for clip in clips if clip.corpus == corpus}
        folds = [fold_speakers(corpus, fold) & speakers for fold in range(FOLDS)]
        assert frozenset().union(*folds) == speakers
        assert len(folds) == FOLDS and all(folds)


def test_a_fold_that_is_not_there_is_named():
    """Neither a fifth fold nor folds of a corpus that is only scored."""
    with pytest.raises(SplitInvalid, match="fold 4"):
        fold_speakers("ravdess", FOLDS)
    with pytest.raises(SplitInvalid, match="urdu"):
        fold_speakers("urdu", 0)


def test_folds_of_many_speakers_follow_from_their_names():
    """Each speaker is in one fold, whoever else is there."""
    speakers = [f"speaker {n}" for n in range(200)]
    folds = [fold_speakers("read", fold, speakers) for fold in range(FOLDS)]
    assert sorted(speaker for fold in folds for speaker in fold) == sorted(speakers)
    assert min(len(fold) for fold in folds) > 30
    assert fold_speakers("read", 0, speakers[:50]) == folds[0] & set(speakers[:50])
