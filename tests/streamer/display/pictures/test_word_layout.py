"""Words stand at their times, in their order, and do not cover each other."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from emoscope.streamer.display.pictures.word_layout import FAINTEST, GAP, place, weight_shares
from emoscope.streamer.protocol.events import WeighedWord


def width(text, size):
    return 0.6 * size * len(text)


def word(text, start, weight=0.5):
    return WeighedWord(word=text, start=start, end=start + 0.2, weight=weight)


@st.composite
def said(draw):
    """Words of one utterance, as dense as a recognizer may give them."""
    at, words = 0.0, []
    for _ in range(draw(st.integers(0, 25))):
        at += draw(st.floats(0, 0.8))
        words.append(word(draw(st.text("abcdef", min_size=1, max_size=9)), at, draw(st.floats(0, 1))))
    return words


@given(said(), st.floats(5, 60))
def test_words_keep_their_times_and_order_and_cover_none(words, scale):
    placed, left_out = place(list(zip(words, weight_shares(words), strict=True)), scale, width)
    assert len(placed) + left_out == len(words)
    starts = [one.start for one in placed]
    assert starts == sorted(starts) and set(starts) <= {one.start for one in words}
    for line in {one.line for one in placed}:
        here = [one for one in placed if one.line == line]
        for left, right in pairwise(here):
            assert left.start * scale + width(left.text, left.size) + GAP <= right.start * scale + 1e-6


def test_a_word_of_more_weight_is_larger_and_darker():
    words = [word("faint", 0.0, 0.1), word("strong", 5.0, 0.8)]
    [faint, strong], left_out = place(list(zip(words, weight_shares(words), strict=True)), 20.0, width)
    assert left_out == 0 and strong.size > faint.size and strong.strength == 1.0
    assert FAINTEST < faint.strength < 1.0


def test_so_many_words_at_once_that_none_fits_are_counted():
    words = [word("everything", 1.0) for _ in range(30)]
    placed, left_out = place(list(zip(words, weight_shares(words), strict=True)), 10.0, width)
    assert len(placed) == 6 and left_out == 24


def test_control_characters_of_a_word_are_not_drawn():
    [placed], _ = place([(word("\x1b[2Jgone", 0.0), 1.0)], 10.0, width)
    assert placed.text == "�[2Jgone"


def test_a_word_of_nothing_takes_no_room():
    assert place([(word("  ", 0.0), 1.0)], 10.0, width) == ([], 0)
