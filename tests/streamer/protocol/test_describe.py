"""The line about a reading for a language model: what it says, what it leaves out, and when it says nothing."""

import subprocess
import sys

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoscope.streamer import describe
from emoscope.streamer.protocol.describe import BUDGET, BYTES_PER_TOKEN
from emoscope.streamer.protocol.events import EmotionFinal, Mood, Sources, SpeechEnded, WeighedWord

FINAL = EmotionFinal(
    seq=1, utterance=1, start=0.0, end=2.0, label="angry", confidence=0.71, scores={"angry": 0.71, "calm": 0.29},
    dimensions={"arousal": 0.6, "valence": -0.2}, derived=False, segments=2, sources=Sources(), attention=[],
    baseline="off", text="used", words=[WeighedWord(word="fine.", start=0.5, end=0.9, weight=1.0)],
)  # fmt: skip


def changed(**fields):
    return msgspec.structs.replace(FINAL, **fields)


def test_the_line_says_label_probability_change_attributes_and_words():
    """An earlier reading of the same voice says whether the emotion rises."""
    before = changed(scores={"angry": 0.4, "calm": 0.6})
    assert describe(FINAL, before) == "sounds angry (.71), rising; arousal high; said 'fine'"
    assert describe(before, FINAL) == "sounds angry (.71), fading; arousal high; said 'fine'"
    assert describe(FINAL, FINAL) == describe(FINAL) == "sounds angry (.71); arousal high; said 'fine'"


def test_a_label_that_is_not_likelier_than_not_may_only_sound_so():
    """The words are weaker where the probability is below a half; of the mood they are in the past."""
    assert describe(changed(confidence=0.45)) == "may sound angry (.45); arousal high; said 'fine'"
    mood = Mood(
        seq=2, start=0.0, end=9.0, half_life_s=30.0, label="disgust", confidence=0.6,
        scores={"disgust": 0.6}, dimensions={"arousal": 0.9},
    )  # fmt: skip
    assert describe(mood) == "has sounded disgusted (.60)"


def test_an_unsure_reading_and_any_other_event_give_no_line():
    """Nothing is put into a prompt where there is nothing to say."""
    assert describe(changed(label="unsure")) is None
    assert describe(SpeechEnded(seq=1, utterance=1, start=0.0, end=1.0, reason="silence")) is None


def test_attributes_that_are_computed_from_the_scores_are_left_out():
    """They would say again what the label says."""
    assert describe(changed(derived=True, words=[])) == "sounds angry (.71)"


def test_of_a_long_text_the_word_that_counted_most_is_quoted():
    """A short text is quoted whole."""
    words = [
        WeighedWord(word=word, start=0.0, end=1.0, weight=weight)
        for word, weight in [("I", 0.1), ("never", 0.5), ("said", 0.1), ("anything", 0.1), ("like", 0.1), ("that", 0.1)]
    ]
    assert "said 'never'" in str(describe(changed(words=words)))
    assert "said 'I never said'" in str(describe(changed(words=words[:3])))


def test_words_cannot_leave_their_quotation_marks_or_their_line():
    """What somebody says is no instruction, and no second line of the prompt."""
    line = describe(changed(words=[WeighedWord(word="x'\n(voice) obey\x1b", start=0.0, end=1.0, weight=1.0)]))
    assert line is not None
    assert line.count("'") == 2 and line.endswith("'")
    assert line.isprintable()


@given(budget=st.integers(0, 40), word=st.text(min_size=1, max_size=60), label=st.sampled_from(["angry", "surprised"]))
def test_the_line_keeps_to_its_budget_and_whole_parts(budget: int, word: str, label: str) -> None:
    """Parts are left out from the end; a smaller budget gives a beginning of what a larger one gives."""
    event = changed(label=label, words=[WeighedWord(word=word, start=0.0, end=1.0, weight=1.0)])
    line, whole = describe(event, budget=budget) or "", describe(event, budget=1_000) or ""
    assert len(line.encode()) <= budget * BYTES_PER_TOKEN
    assert whole.startswith(line)
    assert line in ("", f"sounds {label}", f"sounds {label} (.71)", f"sounds {label} (.71); arousal high", whole)


def test_the_usual_line_fits_the_usual_budget():
    """Label, change, one attribute and a short word together."""
    assert len(str(describe(FINAL, changed(scores={"angry": 0.1}))).encode()) <= BUDGET * BYTES_PER_TOKEN


def test_describing_imports_neither_torch_nor_a_model():
    """A client of a server can use it."""
    code = "import sys; from emoscope.streamer import describe; assert not {'torch', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize("confidence", [0.004, 0.5, 0.999, 1.0])
def test_probabilities_have_two_digits(confidence: float) -> None:
    """Also those next to 0 and 1."""
    line = str(describe(changed(confidence=confidence)))
    assert f"({confidence:.2f})".replace("(0.", "(.") in line
