"""Two branches in one answer: what the product rule must hold whatever the branches say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoscope.models.fusion import fuse


@st.composite
def three(draw):
    """Voice, text and prior of one length, zeros among them."""
    length = draw(st.integers(2, 9))
    share = st.one_of(st.just(0.0), st.floats(1e-30, 1e-3), st.floats(0.001, 1.0))
    rows = st.lists(share, min_size=length, max_size=length).filter(lambda row: sum(row) > 0)
    return [np.array(draw(rows)) / 1.0 for _ in range(3)]


def parts(row: np.ndarray) -> np.ndarray:
    return row / row.sum()


@given(three(), st.floats(0, 5))
def test_scores_are_probabilities_whatever_the_branches_say(rows, weight):
    """Finite, none negative, sum 1; both shares too. Zeros anywhere."""
    fused = fuse(rows[0], rows[1], rows[2], weight)
    assert np.isfinite(fused.scores).all() and (fused.scores >= 0).all()
    assert abs(fused.scores.sum() - 1) < 1e-5
    assert abs(fused.share_audio + fused.share_text - 1) < 1e-9
    assert 0 <= fused.share_text <= 1


@given(three(), st.floats(0, 5))
def test_a_text_that_says_what_its_prior_says_changes_nothing(rows, weight):
    """Words without news leave the voice alone, and count nothing."""
    voice, _, prior = rows
    fused = fuse(voice, prior, prior, weight)
    np.testing.assert_allclose(fused.scores, parts(voice), atol=1e-6)
    assert fused.share_text == 0


@given(three())
def test_weight_0_changes_nothing(rows):
    """A text without weight leaves the voice alone, and counts nothing."""
    fused = fuse(rows[0], rows[1], rows[2], 0.0)
    np.testing.assert_allclose(fused.scores, parts(rows[0]), atol=1e-6)
    assert fused.share_text == 0


@given(three())
def test_weight_1_is_bayes_rule(rows):
    """Where nothing is near zero, p(e|voice) p(e|text) / p(e), normalised."""
    voice, text, prior = (parts(row + 0.01) for row in rows)
    expected = parts(voice * text / prior)
    np.testing.assert_allclose(fuse(voice, text, prior, 1.0).scores, expected, atol=1e-6)


@given(three(), st.floats(0.1, 2))
def test_a_voice_that_says_nothing_leaves_the_word_to_the_text(rows, weight):
    """An even voice ranks labels as the text's news do; and then all evidence is the text's."""
    _, text, prior = (parts(row + 0.01) for row in rows)
    fused = fuse(np.ones(len(text)), text, prior, weight)
    news = np.log(text / prior)
    assert news[fused.scores.argmax()] == pytest.approx(news.max(), abs=1e-5)
    if news.std() > 1e-3:
        assert fused.share_text == pytest.approx(1.0)


def test_a_label_that_the_text_does_not_know_keeps_its_odds_against_the_voice():
    """Where prior and text are both zero the text says nothing of a label: it neither helps nor rules it out."""
    voice, prior = [0.5, 0.3, 0.2], [0.5, 0.5, 0.0]
    fused = fuse(voice, [0.5, 0.5, 0.0], prior, 1.0)
    np.testing.assert_allclose(fused.scores, voice, atol=1e-6)


@pytest.mark.parametrize(
    ("rows", "weight"),
    [
        (([0.5, 0.5], [1.0], [0.5, 0.5]), 1.0),
        (([0.5, 0.5], [0.5, 0.5], [0.5, 0.5]), -0.1),
        (([0.5, 0.5], [0.5, 0.5], [0.5, 0.5]), float("nan")),
        (([0.5, 0.5], [0.5, 0.5], [0.5, 0.5]), float("inf")),
        (([0.0, 0.0], [0.5, 0.5], [0.5, 0.5]), 1.0),
        (([0.5, float("nan")], [0.5, 0.5], [0.5, 0.5]), 1.0),
        (([0.5, 0.5], [-0.5, 1.5], [0.5, 0.5]), 1.0),
        (([], [], []), 1.0),
    ],
)
def test_what_is_no_probability_is_an_error(rows, weight):
    """Nothing is answered silently from other shapes, NaN, negative numbers or a weight that is none."""
    with pytest.raises(ValueError, match=r"probabilities|length|weight"):
        fuse(rows[0], rows[1], rows[2], weight)
