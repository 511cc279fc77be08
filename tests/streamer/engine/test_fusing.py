"""Voice and words in one reading: one table of synthetic voices and sentences."""

import numpy as np
import pytest

from emoscope.models.contract import ModelContract
from emoscope.models.pool_state import SoftmaxState
from emoscope.streamer.engine.fusing import read_with_words, shipped_branch
from emoscope.streamer.session.requests import Read

LABELS = ("angry", "bored", "calm", "disgust", "fearful", "happy", "neutral", "sad", "surprised")
CONTRACT = ModelContract(
    id="table", labels=LABELS, window=25_600, hop=12_800, frame=640, lookback=240, tail=4_800,
    dimensions=("arousal", "valence", "dominance"), derived=True,
)  # fmt: skip
NOTHING = SoftmaxState(*(np.zeros((1, 1), np.float32) for _ in range(4)))

SENTENCES = {
    "angry": "I am so angry I hate you get out of my house",
    "happy": "this is wonderful I am so happy and I love it",
    "sad": "I am so sad I cried all night and I miss her",
}
PLAIN_SENTENCES = ("kids are talking by the door", "dogs are sitting by the door")


def voice_of(label, p):
    """Voice scores with `p` on one label, the rest alike."""
    scores = np.full(len(LABELS), (1 - p) / (len(LABELS) - 1), np.float32)
    scores[LABELS.index(label)] = p
    return scores


def reading(voice, text, certainty=0.95, language="en", labels=LABELS):
    branch = shipped_branch()
    assert branch is not None
    words = tuple(text.split())
    request = Read(1, NOTHING, 2.0, words=words, language=language, certainty=certainty)
    places = np.zeros(3, np.float32)
    contract = CONTRACT if labels == LABELS else ModelContract(
        id="few", labels=labels, window=25_600, hop=12_800, frame=640, lookback=240, tail=4_800
    )  # fmt: skip
    return read_with_words(contract, voice, places, request, branch, 0.0)


@pytest.mark.parametrize("label", SENTENCES)
def test_plain_words_flip_a_neutral_voice(label):
    """Angry, happy and sad words, said in a voice that is mildly neutral, and half of the weight is theirs."""
    said = reading(voice_of("neutral", 0.4), SENTENCES[label])
    assert said.label == label and said.text_share > 0.3
    assert len(said.word_shares) == len(SENTENCES[label].split()) and sum(said.word_shares) == pytest.approx(
        1, abs=1e-4
    )


@pytest.mark.parametrize("label", SENTENCES)
@pytest.mark.parametrize("voice_label", ["angry", "fearful", "bored"])
def test_no_words_flip_a_plain_voice(label, voice_label):
    """A voice that is sure stays what it is, whatever is said."""
    assert reading(voice_of(voice_label, 0.99), SENTENCES[label], certainty=0.6).label == voice_label


@pytest.mark.parametrize("voice_label", LABELS)
def test_a_sentence_without_emotion_changes_no_reading(voice_label):
    """RAVDESS's sentences say nothing: every voice keeps its scores, however unsure it is."""
    for sentence in PLAIN_SENTENCES:
        voice = voice_of(voice_label, 0.2)
        said = reading(voice, sentence)
        assert said.label == voice_label and said.text_share == 0.0 and said.scores == pytest.approx(voice, abs=1e-6)


def test_unsure_words_count_less_and_words_of_another_language_nothing():
    """The certainty of the recognizer is a part of the weight."""
    voice = voice_of("neutral", 0.4)
    shares = [reading(voice, SENTENCES["sad"], certainty).text_share for certainty in (0.9, 0.3, 0.05, 0.0)]
    assert shares == sorted(shares, reverse=True) and shares[-1] == 0.0
    other = reading(voice, "ich bin so traurig", language="de")
    assert other.text_share == 0.0 and other.word_shares == () and np.array_equal(other.scores, voice)


def test_scores_stay_probabilities_and_derived_dimensions_follow():
    """Sad words make the valence fall."""
    said = reading(voice_of("neutral", 0.4), SENTENCES["sad"])
    assert said.scores.sum() == pytest.approx(1, abs=1e-5) and said.dimensions[1] < -0.2


def test_labels_that_the_words_cannot_tell_keep_the_voices_odds():
    """A model of four labels, one of them unknown to the text."""
    labels = ("happy", "sad", "neutral", "ironic")
    voice = np.array([0.1, 0.1, 0.4, 0.4], np.float32)
    said = reading(voice, SENTENCES["sad"], labels=labels)
    assert said.label == "sad" and said.scores[3] > said.scores[0]
