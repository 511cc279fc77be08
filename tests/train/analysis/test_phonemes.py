"""Phoneme salience as a likelihood ratio, and the times of phones in EmoDB."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoscope.train.analysis.phonemes import attended_frames, kind_of, salience
from emoscope.train.corpora import load_corpora
from emoscope.train.corpora.phones import Phone, phone_name, phones_of
from emoscope.train.errors import ClipUnusable

from .made_frames import utterance

FOUR_A_SIX_S = [Phone("a", 0.0, 0.16), Phone("s", 0.16, 0.4)]
"""Of ten frames of 40 ms, the first four are /a/, the others /s/."""


def test_the_likelihood_ratio_by_hand():
    """Two frames are attended, one of each. P(a|attended) = 1/2, P(a) = 4/10: 1.25; of s: (1/2) / (6/10) = .833."""
    weights = [9, 1, 1, 1, 1, 1, 1, 1, 1, 8]
    found = salience([utterance(weights)], [FOUR_A_SIX_S], top=0.2, fewest=1)
    ratios = {row.phone: row.ratio for row in found.phones}
    assert ratios == pytest.approx({"a": 1.25, "s": 5 / 6})
    # The attention itself: 12 of 25 on 4 of 10 frames, and 13 of 25 on 6 of 10.
    masses = {row.phone: row.mass for row in found.phones}
    assert masses == pytest.approx({"a": 12 / 25 / 0.4, "s": 13 / 25 / 0.6})
    assert [(row.phone, row.frames, row.occurrences) for row in found.phones] == [("a", 4, 1), ("s", 6, 1)]
    assert {row.kind: row.ratio for row in found.kinds} == pytest.approx({"vowel": 1.25, "fricative": 5 / 6})


@given(st.lists(st.lists(st.floats(0.1, 9), min_size=10, max_size=10), min_size=1, max_size=4), st.floats(0.1, 0.9))
def test_the_mean_ratio_over_all_frames_is_one(rows, top):
    """Sum over phonemes of P(p) LR(p) = sum of P(p | attended) = 1."""
    found = salience([utterance(row) for row in rows], [FOUR_A_SIX_S] * len(rows), top, fewest=1)
    assert sum(row.ratio * row.frames for row in found.phones) / found.frames == pytest.approx(1)
    assert sum(row.mass * row.frames for row in found.phones) / found.frames == pytest.approx(1)


def test_a_phoneme_that_is_never_attended_has_no_interval():
    """Resampling cannot tell how far from 0 it might be."""
    found = salience([utterance([9, 9, 1, 1, 1, 1, 1, 1, 1, 1])] * 3, [FOUR_A_SIX_S] * 3, top=0.2, fewest=1)
    assert [(row.phone, row.ratio, row.ci95 is None) for row in found.phones] == [("a", 2.5, False), ("s", 0.0, True)]


def test_frames_after_the_last_phone_are_not_counted():
    """What follows is neither a phoneme nor a labelled pause."""
    found = salience([utterance(np.ones(20))], [FOUR_A_SIX_S], fewest=1)
    assert found.frames == 10


def test_rare_phonemes_are_left_out_and_none_at_all_is_an_error():
    """Two utterances have each phoneme twice."""
    few = [utterance(np.arange(1, 11))] * 2
    assert salience(few, [FOUR_A_SIX_S, FOUR_A_SIX_S[:1]], fewest=2).left_out == ("s",)
    with pytest.raises(ClipUnusable, match="no phoneme is spoken 3 times"):
        salience(few, [FOUR_A_SIX_S] * 2, fewest=3)


def test_of_equally_attended_frames_the_earlier_ones_count():
    """At least one frame is attended, however few there are."""
    assert attended_frames([1, 1, 1, 1], 0.5).tolist() == [True, True, False, False]
    assert attended_frames([1, 3], 0.1).tolist() == [False, True]


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("a", "a"), ("aI", "aI"), ("i6", "i6"), ("t", "t"), ("!t", "t"), ("tasp", "t"), ("_t", "t"), ("!b+na", "b"),
        ("d+nas", "d"), ("I+nas", "I"), ("ss", "s"), ("", ""), ("-sth", ""), ("+lar", ""), ("+sth,-beh", ""), ("!", ""),
        ("hoe", ""), (".", "pause"), ("(", "pause"), ("(gef", "pause"), ("?", "?"), ("@", "@"), ("9", "9"),
    ],
)  # fmt: skip
def test_the_labels_of_emodb_are_read_as_phonemes(written, name):
    """A closure, its release and its aspiration are one plosive; a mark alone goes on with the phone before it."""
    assert phone_name(written) == name


def test_every_phoneme_has_a_kind():
    """Vowels are what is no consonant."""
    kinds = {phone: kind_of(phone) for phone in ("a", "aI", "@", "?", "S", "N", "l", "pause")}
    assert list(kinds.values()) == ["vowel", "vowel", "vowel", "plosive", "fricative", "nasal", "approximant", "pause"]


def test_phones_are_clipped_to_the_sound(data):
    """The labels go on after the end of the recording; parts of one phone are one."""
    clip = load_corpora(data, ["emodb"])[0]
    assert phones_of(clip, 1.1) == [Phone("a", 0.0, 0.2), Phone("t", 0.2, 1.0), Phone("I", 1.0, 1.1)]
    assert [phone.name for phone in phones_of(clip, 5)] == ["a", "t", "I", "n", "pause"]
