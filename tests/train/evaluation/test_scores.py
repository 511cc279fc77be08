"""Figures mean what they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, recall_score

from emoscope.models.errors import UsageError
from emoscope.train.corpora import LABELS
from emoscope.train.evaluation.intervals import interval, one_hot, resample
from emoscope.train.evaluation.predictions import clip_answer
from emoscope.train.evaluation.protocols import FOUR, RAVDESS_7, RAVDESS_8, apply_protocol, own_protocol, protocol_of
from emoscope.train.evaluation.scores import (
    answers,
    ccc,
    confusion,
    macro_f1,
    macro_f1_of,
    recalls,
    uar,
    uar_of,
    wa_of,
    weighted_f1_of,
)


def random_case(n=400, classes=4, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(classes, size=n)
    said = np.where(rng.random(n) < 0.6, truth, rng.integers(classes, size=n))
    return said, truth


def test_uar_is_macro_recall():
    """The figure that scikit-learn gives."""
    said, truth = random_case()
    assert uar(said, truth) == pytest.approx(recall_score(truth, said, average="macro"))


@given(st.integers(0, 1000), st.integers(2, 9), st.integers(50, 300))
def test_every_rate_is_the_one_that_scikit_learn_gives(seed, classes, n):
    """UAR, accuracy, macro and weighted F1, and the matrix that they come from."""
    said, truth = random_case(n, classes, seed)
    truth[:classes] = np.arange(classes)
    matrix = confusion(said, truth, classes)
    assert (matrix[:, :-1] == confusion_matrix(truth, said, labels=range(classes))).all()
    assert uar_of(matrix) == pytest.approx(recall_score(truth, said, average="macro"))
    assert wa_of(matrix) == pytest.approx(accuracy_score(truth, said))
    assert macro_f1_of(matrix) == pytest.approx(f1_score(truth, said, average="macro"))
    assert weighted_f1_of(matrix) == pytest.approx(f1_score(truth, said, average="weighted"))
    assert macro_f1(said, truth) == pytest.approx(f1_score(truth, said, average="macro"))


def test_a_class_without_clips_is_left_out_of_the_means():
    """Its recall is no number; as an answer it is still wrong."""
    truth, said = np.array([0, 0, 1, 1]), np.array([0, 2, 1, 1])
    matrix = confusion(said, truth, 3)
    assert np.isnan(recalls(matrix)[2])
    assert uar_of(matrix) == pytest.approx((0.5 + 1.0) / 2)
    assert macro_f1_of(matrix) == pytest.approx((2 / 3 + 1.0) / 2)


def test_a_clip_without_a_reading_is_wrong():
    """Silence is no way to a better score: it has a column of its own."""
    counted, truth = apply_protocol(LABELS, np.zeros((1, 9)), ["angry"], RAVDESS_8)
    assert answers(counted)[0] == -1
    assert uar(answers(counted), truth) == 0
    assert confusion(answers(counted), truth, 8)[0, -1] == 1


def test_calm_is_added_to_neutral_and_bored_is_left_out():
    """Seven classes: probabilities are merged, restricted and renormalised."""
    scores = np.full((1, 9), 0.0)
    scores[0, [LABELS.index(name) for name in ("calm", "neutral", "sad", "bored")]] = 0.2, 0.1, 0.25, 0.45
    counted, truth = apply_protocol(LABELS, scores, ["calm"], RAVDESS_7)
    assert RAVDESS_7.classes[truth[0]] == RAVDESS_7.classes[answers(counted)[0]] == "neutral"
    assert counted.max() == pytest.approx(0.3 / 0.55)
    eight, _ = apply_protocol(LABELS, scores, ["calm"], RAVDESS_8)
    assert RAVDESS_8.classes[answers(eight)[0]] == "sad"


def test_a_corpus_without_calm_reads_it_as_neutral():
    """URDU's four classes are the four that all corpora share; another name is refused with those that there are."""
    assert own_protocol("urdu").classes == FOUR.classes
    assert own_protocol("urdu").read("calm") == "neutral"
    assert own_protocol("ravdess").read("calm") == "calm"
    assert protocol_of("ravdess-7", "ravdess") is RAVDESS_7
    with pytest.raises(UsageError, match=r"own .*ravdess-8, ravdess-7, four"):
        protocol_of("eight", "ravdess")


def test_a_clip_of_two_utterances_is_their_mean_by_seconds():
    """Three seconds of one outweigh one second of the other."""
    both = clip_answer([(3.0, [0.8, 0.2]), (1.0, [0.1, 0.9])], 2)
    expected = np.exp([(3 * np.log(0.8) + np.log(0.1)) / 4, (3 * np.log(0.2) + np.log(0.9)) / 4])
    np.testing.assert_allclose(both, expected / expected.sum())
    assert (clip_answer([], 2) == 0).all()


def test_concordance_is_lins():
    """By hand: means 2 and 3, variances 2/3, covariance 2/3: 2 * 2/3 / (4/3 + 1) = 4/7. Its own equal is 1."""
    assert ccc([1, 2, 3], [2, 3, 4]) == pytest.approx(4 / 7)
    assert ccc([1, 2, 3], [1, 2, 3]) == pytest.approx(1)
    assert ccc([1, 2, 3], [3, 2, 1]) == pytest.approx(-1)
    assert ccc([1, 1, 1], [1, 1, 1]) == 0


@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1)), min_size=3, max_size=50))
def test_concordance_is_symmetric_and_never_more_than_correlation(pairs):
    """Lin (1989), section 2."""
    x, y = np.array(pairs).T
    assert ccc(x, y) == pytest.approx(ccc(y, x))
    if x.std() > 1e-3 and y.std() > 1e-3:
        assert abs(ccc(x, y)) <= abs(np.corrcoef(x, y)[0, 1]) + 1e-6


def test_the_interval_holds_the_figure_and_narrows_with_clips():
    """Bootstrap over clips, each class apart."""
    narrow, wide = random_case(4000), random_case(100)
    for said, truth in (narrow, wide):
        low, high = interval(said, truth)
        assert low < uar(said, truth) < high
    assert np.subtract(*interval(*narrow)[::-1]) < 0.5 * np.subtract(*interval(*wide)[::-1])


def test_speakers_are_resampled_where_there_are_six_else_clips():
    """Where each speaker is wholly right or wholly wrong, clips would promise far too much."""
    truth = np.arange(240) % 2
    speakers = [f"{i // 30}" for i in range(240)]
    said = np.where(np.array([int(name) % 2 for name in speakers]) == 0, truth, 1 - truth)
    by_speaker, by_clip = resample(speakers, truth), resample(["0", "1", "2", "3", "4"] * 48, truth)
    assert (by_speaker.by, by_clip.by) == ("speaker", "clip")
    assert by_speaker.weights.sum(1) == pytest.approx(240)
    wide = by_speaker.interval(uar_of, one_hot(said, truth, 2))
    narrow = by_clip.interval(uar_of, one_hot(said, truth, 2))
    assert wide[1] - wide[0] > 3 * (narrow[1] - narrow[0])
