"""Figures mean what they say."""

import numpy as np
import pytest
from sklearn.metrics import recall_score

from emoscope.train.corpora import LABELS
from emoscope.train.evaluation.confidence import calibration_error
from emoscope.train.evaluation.heard import clip_answer
from emoscope.train.evaluation.intervals import interval
from emoscope.train.evaluation.protocols import RAVDESS_7, RAVDESS_8, judge
from emoscope.train.evaluation.scores import answers, uar


def random_case(n=400, classes=4, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(classes, size=n)
    said = np.where(rng.random(n) < 0.6, truth, rng.integers(classes, size=n))
    return said, truth


def test_uar_is_macro_recall():
    """The figure that scikit-learn gives."""
    said, truth = random_case()
    assert uar(said, truth) == pytest.approx(recall_score(truth, said, average="macro"))


def test_calm_is_added_to_neutral_and_bored_is_left_out():
    """Seven classes: probabilities are merged, restricted and renormalised."""
    scores = np.full((1, 9), 0.0)
    scores[0, [LABELS.index(name) for name in ("calm", "neutral", "sad", "bored")]] = 0.2, 0.1, 0.25, 0.45
    counted, truth = judge(LABELS, scores, ["calm"], RAVDESS_7)
    assert RAVDESS_7.classes[truth[0]] == RAVDESS_7.classes[answers(counted)[0]] == "neutral"
    assert counted.max() == pytest.approx(0.3 / 0.55)
    eight, _ = judge(LABELS, scores, ["calm"], RAVDESS_8)
    assert RAVDESS_8.classes[answers(eight)[0]] == "sad"


def test_a_clip_without_a_reading_is_wrong():
    """Silence is no way to a better score."""
    counted, truth = judge(LABELS, np.zeros((1, 9)), ["angry"], RAVDESS_8)
    assert answers(counted)[0] == -1
    assert uar(answers(counted), truth) == 0


def test_a_clip_of_two_utterances_is_their_mean_by_seconds():
    """Three seconds of one outweigh one second of the other."""
    both = clip_answer([(3.0, [0.8, 0.2]), (1.0, [0.1, 0.9])], 2)
    expected = np.exp([(3 * np.log(0.8) + np.log(0.1)) / 4, (3 * np.log(0.2) + np.log(0.9)) / 4])
    np.testing.assert_allclose(both, expected / expected.sum())
    assert (clip_answer([], 2) == 0).all()


def test_the_interval_holds_the_figure_and_narrows_with_clips():
    """Bootstrap over clips, each class apart."""
    narrow, wide = random_case(4000), random_case(100)
    for said, truth in (narrow, wide):
        low, high = interval(said, truth)
        assert low < uar(said, truth) < high
    assert np.subtract(*interval(*narrow)[::-1]) < 0.5 * np.subtract(*interval(*wide)[::-1])


def test_calibration_error_is_the_gap_between_confidence_and_truth():
    """Always .9 sure and right half of the time: .4."""
    scores = np.tile([0.9, 0.1], (10, 1))
    assert calibration_error(scores, np.array([0, 1] * 5)) == pytest.approx(0.4)
