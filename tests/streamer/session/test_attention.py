"""Which word carried a reading."""

import numpy as np
import pytest

from emoscope.models.pool_state import SoftmaxState
from emoscope.streamer.protocol.events import SpokenWord
from emoscope.streamer.session.attention import frame_shares, spans, under_words, word_weights
from emoscope.streamer.session.pooling import WindowScores
from emoscope.streamer.testing import CONTRACT


def word(text, start, end):
    return SpokenWord(word=text, start=start, end=end, p=1.0)


def shares_of(scores, start=16_000):
    scores = np.asarray(scores, np.float32)[:, None]
    peak = scores.max(0)
    mass = np.exp(scores - peak).sum(0)
    state = SoftmaxState(peak[None], mass[None], np.zeros((1, 1, 1), np.float32), np.zeros((1, 1, 1), np.float32))
    return frame_shares(CONTRACT, state, [WindowScores(start, scores)])


def test_a_words_share_is_that_of_the_frames_under_it():
    """Frames of 40 ms from second 1; the second word holds the loud ones; frames between words count for none."""
    shares = shares_of(np.log([1.0] * 10 + [3.0] * 10 + [9.0] * 5))
    words = [word("so", 1.0, 1.4), word("angry", 1.4, 1.8)]
    assert under_words(CONTRACT, shares, words) == pytest.approx([0.25, 0.75])
    half = [word("so", 1.0, 1.02), word("an", 1.4, 1.48)]
    assert under_words(CONTRACT, shares, half) == pytest.approx([0.5 / 6.5, 6 / 6.5])
    assert sum(share for _, _, share in spans(CONTRACT, shares)) == pytest.approx(1.0)


def test_words_without_frames_have_no_share():
    """Outside the utterance, or where no attention is known."""
    shares = shares_of([0.0] * 10)
    assert under_words(CONTRACT, shares, [word("late", 9.0, 9.5)]) == [0.0]
    assert under_words(CONTRACT, frame_shares(CONTRACT, None, []), [word("x", 0.0, 1.0)]) == [0.0]
    assert under_words(CONTRACT, shares, []) == []


def test_both_branches_weigh_a_word_by_how_much_they_counted():
    """Shares always sum to 1."""
    assert word_weights([0.5, 0.5], [0.0, 1.0], 0.4) == pytest.approx([0.3, 0.7])
    assert word_weights([0.2, 0.8], (), 0.0) == pytest.approx([0.2, 0.8])
    assert word_weights([0.2, 0.8], (1.0,), 0.9) == pytest.approx([0.2, 0.8])
    assert word_weights([0.0, 0.0], (), 0.0) == pytest.approx([0.5, 0.5])
    assert word_weights([0.0, 0.0], [0.0, 1.0], 1.0) == pytest.approx([0.0, 1.0])
    assert word_weights([], [], 0.5) == []
