"""Which words are committed, whatever the passes say."""

from hypothesis import given
from hypothesis import strategies as st

from emoscope.streamer.protocol.events import SpokenWord, words_to_text
from emoscope.streamer.session.transcript.agreement import AgreementState, agree

VOCABULARY = ["I", "told", "you", "twice", "already", "no", "No,", "no!", "...", "ja", "äh"]


@st.composite
def passes(draw):
    """What a recognizer might say of one utterance, pass by pass: words out of nowhere, at any times, in order."""
    found = []
    for number in range(draw(st.integers(1, 8))):
        count = draw(st.integers(0, 12))
        times = sorted(draw(st.lists(st.floats(0, 30), min_size=2 * count, max_size=2 * count)))
        words = [
            SpokenWord(word=draw(st.sampled_from(VOCABULARY)), start=times[2 * i], end=times[2 * i + 1], p=0.5)
            for i in range(count)
        ]
        found.append((words, 4.0 * (number + 1), draw(st.booleans())))
    return found


@given(passes())
def test_committed_words_only_grow(said):
    """None is changed or taken back by any later pass; times never run backwards."""
    state = AgreementState()
    before: list[SpokenWord] = []
    for words, end_s, whole in said:
        agree(state, words, end_s, whole=whole)
        assert state.committed[: len(before)] == before
        before = list(state.committed)
        shown = words_to_text([*state.committed, *state.tail])
        assert shown.startswith(words_to_text(state.committed))
    starts = [word.start for word in [*state.committed, *state.tail]]
    assert starts == sorted(starts)


@given(passes())
def test_a_word_is_committed_only_when_two_passes_say_it(said):
    """A word that the newest pass does not say, or says for the first time, is never committed by it."""
    state = AgreementState()
    last: set[str] = set()
    for words, end_s, whole in said:
        count = len(state.committed)
        agree(state, words, end_s, whole=whole)
        now = {bare(word) for word in words}
        assert {bare(word) for word in state.committed[count:]} <= now & last
        last = now


def bare(word):
    return "".join(sign for sign in word.word.casefold() if sign.isalnum()) or word.word


def spoken(text, each=0.4):
    return [
        SpokenWord(word=word, start=place * each, end=place * each + 0.35, p=0.9)
        for place, word in enumerate(text.split())
    ]


def test_a_sentence_grows_as_it_is_said():
    """The prefix on which two passes agree is committed; case and punctuation do not matter; the end is held back."""
    state = AgreementState()
    agree(state, spoken("I told"), 0.9)
    assert state.committed == [] and words_to_text(state.tail) == "I told"
    agree(state, spoken("I told you twin"), 2.0)
    assert words_to_text(state.committed) == "I told"
    agree(state, spoken("i Told you, twice already"), 3.0)
    assert words_to_text(state.committed) == "I told you,"
    agree(state, spoken("I told you twice already that"), 3.5)
    assert words_to_text(state.committed) == "I told you, twice already"
    agree(state, spoken("I told you twice already that this is"), 4.0)
    assert words_to_text([*state.committed, *state.tail]) == "I told you, twice already that this is"


def test_a_pass_does_not_repeat_what_is_committed_when_its_times_moved():
    """Words that overlap the border of what is committed are recognized as the same."""
    state = AgreementState()
    for end_s in (2.0, 4.0):
        agree(state, spoken("we said no"), end_s)
    assert words_to_text(state.committed) == "we said no"
    later = [
        SpokenWord(word=word.word, start=word.start + 0.3, end=word.end + 0.3, p=0.9)
        for word in spoken("he said no never")
    ]
    agree(state, later, 6.0)
    assert words_to_text([*state.committed, *state.tail]) == "we said no never"


def test_a_pass_over_the_end_only_goes_on_where_the_committed_words_end():
    """Its first words are not taken for the utterance's first."""
    state = AgreementState()
    for end_s in (2.0, 4.0):
        agree(state, spoken("no no yes"), end_s)
    tail = [SpokenWord(word=text, start=start, end=start + 0.3, p=0.9) for text, start in (("no", 5.0), ("more", 5.4))]
    agree(state, tail, 6.0, whole=False)
    agree(state, tail, 7.0, whole=False)
    assert words_to_text(state.committed) == "no no yes no more"


def test_words_without_spaces_are_joined_without():
    """As a recognizer of Chinese or Japanese gives them."""
    words = [SpokenWord(word=text, start=0.0, end=0.1, p=1.0, space=False) for text in "你好"]
    assert words_to_text(words) == "你好"
