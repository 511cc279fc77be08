"""The text branch's tokenizer: words as recognizers give them, and the same numbers on every machine."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoscope.models import CardInvalid
from emoscope.models.text.words import UNKNOWN, Tokenizer, Vocabulary, marks, most_frequent, pieces, plain, split

TOKENIZER = Tokenizer(Vocabulary(words=["", "happy", "don't", "i"], buckets=64))


@pytest.mark.parametrize(
    ("given_", "expected"),
    [(" Happy!", "happy"), ("“Don’t", "don't"), ("...", ""), ("", ""), ("I,", "i"), ("😀", "😀"), ("2nd.", "2nd")],
)
def test_a_word_is_freed_of_capitals_spaces_and_punctuation(given_, expected):
    """What a recognizer writes around a word is no part of it."""
    assert plain(given_) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("no!", (True, False, False)),
        ("what?!”", (True, True, False)),
        ("well…", (False, False, True)),
        ("a", (False, False, False)),
    ],
)
def test_marks_are_those_that_end_a_word(word, expected):
    """Inner punctuation says nothing; quotes after a mark do not hide it."""
    assert marks(word) == expected


def test_pieces_are_the_same_on_every_machine():
    """The buckets of a word are part of the weights' meaning, so they are pinned here."""
    assert pieces("sad", 1000) == [581, 924, 373, 179, 969, 471]


@given(st.lists(st.text(max_size=60), max_size=8))
def test_any_text_becomes_numbers_in_range(words):
    """Whatever a recognizer gives: no error, every number a row of a table, every word with at least one piece."""
    text = TOKENIZER(words)
    assert len(text.words) == len(text.starts) == len(text.spoken) == len(text.marks) == len(words)
    assert ((text.words >= 0) & (text.words < 4)).all() and ((text.pieces >= 0) & (text.pieces < 64)).all()
    ends = [*text.starts[1:], len(text.pieces)] if len(words) else []
    assert all(start < end for start, end in zip(text.starts, ends, strict=True))
    assert text.spoken.tolist() == [plain(word) != "" for word in words]


def test_words_that_the_vocabulary_does_not_hold_are_one_place_and_their_own_pieces():
    """Two unknown words share the place of all unknown ones, and differ by their letters."""
    one, two = TOKENIZER(["zebra"]), TOKENIZER(["giraffe"])
    assert one.words.tolist() == two.words.tolist() == [UNKNOWN]
    assert one.pieces.tolist() != two.pieces.tolist()


def test_symbols_stand_alone():
    """An emoji after a word without a space is a word of its own."""
    assert split("fine😂😂 ok") == ["fine", "😂", "😂", "ok"]


def test_a_vocabulary_is_ranked_by_how_often_a_word_occurs():
    """Ties by the alphabet, rare ones left out, never more than asked for."""
    sentences = [["b", "a", "B!"], ["a", "c", "..."]]
    assert most_frequent(sentences, least=1, most=9) == ["a", "b", "c"]
    assert most_frequent(sentences, least=2, most=1) == ["a"]


@pytest.mark.parametrize(("words", "buckets"), [([], 5), (["a"], 5), (["", "a", "a"], 5), ([""], 0)])
def test_a_vocabulary_that_cannot_be_used_is_an_error(words, buckets):
    """No first empty word, a word twice, or no buckets."""
    with pytest.raises(CardInvalid):
        Vocabulary(words=words, buckets=buckets).checked()
