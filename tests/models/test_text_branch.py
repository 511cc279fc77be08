"""The text branch: what must hold whatever its weights, and what the weights that ship say."""

import itertools
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from emoscope.models import CardInvalid, HeadMismatch, NotCached
from emoscope.models.store import shipped
from emoscope.models.text import TextBranch, load_text_branch, save_text_branch, shipped_text
from emoscope.models.text.card import ARCHITECTURE, FORMAT, TextCard
from emoscope.models.text.config import TextConfig
from emoscope.models.text.network import TextNetwork
from emoscope.models.text.words import Vocabulary

LABELS = ("angry", "bored", "calm", "disgust", "fearful", "happy", "neutral", "sad", "surprised")
SOME = ["", "i", "am", "not", "happy", "sad", "the", "door"]
WORDS = st.lists(st.sampled_from([*SOME, "Zebra!", "...", "what?", " I'm", "—", "déjà", "😀", "x" * 90]), max_size=90)


def made_card(**changes) -> TextCard:
    card = {
        "format": FORMAT, "id": "made", "version": "1", "architecture": ARCHITECTURE,
        "config": {"words": len(SOME), "buckets": 32, "dim": 6, "hidden": 8, "queries": 2, "heads": 2, "classes": 3},
        "classes": ["anger", "joy", "neutral"], "class_prior": [0.2, 0.3, 0.5], "labels": list(LABELS),
        "label_of": {"anger": "angry", "joy": "happy", "neutral": "neutral"},
        "shares": {"neutral": {"neutral": 0.8, "calm": 0.1, "bored": 0.1}},
        "temperature": 1.3, "bias": [0.1, 0.0, -0.1], "thresholds": [0.4, 0.4, 0.4], "lean": 0.5, "languages": ["en"],
        "licence": "CC BY 4.0", "data": [], "training": {}, "scores": [], "notes": [], "vocabulary_sha256": "",
        "weights_sha256": "",
    }  # fmt: skip
    return TextCard(**{**card, **changes})


@pytest.fixture(scope="module")
def made() -> TextBranch:
    """Random weights, of three classes; rounded to half precision, as they are saved."""
    torch.manual_seed(3)
    network = TextNetwork(TextConfig(**made_card().config))
    network.load_state_dict({name: value.half().float() for name, value in network.state_dict().items()})
    return TextBranch(made_card(), Vocabulary(words=SOME, buckets=32), network.arrays())


@pytest.fixture(scope="module")
def branch() -> TextBranch:
    return load_text_branch()


@given(WORDS, st.lists(st.floats(0, 1), max_size=4))
def test_a_sentence_reads_the_same_however_it_was_cut(made, words, cuts):
    """Words that come one by one, or in any pieces, give the reading of all at once: what was pooled stays."""
    state = made.begin()
    edges = [0, *sorted(int(cut * len(words)) for cut in cuts), len(words)]
    for first, last in itertools.pairwise(edges):
        state = made.extend(state, words[first:last])
    grown, whole = made.reading(state), made.read(words)
    assert (grown is None) == (whole is None)
    if whole is not None:
        np.testing.assert_allclose(grown.scores, whole.scores, atol=1e-5)
        np.testing.assert_allclose(grown.weights, whole.weights, atol=1e-5)
        assert len(state.before) <= made.config.context


@given(WORDS)
@example(["i", "...", "happy", "—"])
def test_a_reading_is_probabilities_and_a_share_for_each_word(made, words):
    """Scores sum to 1, shares too; what is only punctuation has none; no word at all gives no reading."""
    reading = made.read(words)
    spoken = [any(c.isalnum() or c == "😀" for c in word) for word in words]
    assert (reading is None) == (not any(spoken))
    if reading is not None:
        assert reading.scores.shape == reading.prior.shape == (len(LABELS),)
        assert abs(reading.scores.sum() - 1) < 1e-5 and (reading.scores >= 0).all()
        assert len(reading.weights) == len(words) and abs(reading.weights.sum() - 1) < 1e-5
        assert all(weight == 0 for weight, said in zip(reading.weights, spoken, strict=True) if not said)
        assert 0 <= reading.tells <= reading.known + 1e-6 <= 1 + 2e-6 and np.isfinite(reading.tells)


def test_words_to_come_do_not_change_what_is_pooled(made):
    """A word's features depend on it and those before it, so confirmed words are encoded once."""
    words = ["i", "am", "not", "happy", "the", "door"]
    early = made.extend(made.begin(), words[:4])
    late = made.extend(early, words[4:])
    np.testing.assert_array_equal(late.scores[:4], early.scores)


def test_labels_that_words_cannot_tell_keep_their_odds(made):
    """Calm and bored move with neutral: the odds between the three are the prior's, whatever is said."""
    reading = made.read(["i", "am", "happy"])
    assert reading is not None
    three = [LABELS.index(label) for label in ("bored", "calm", "neutral")]
    news = reading.scores[three] / reading.prior[three]
    np.testing.assert_allclose(news, news[0], rtol=1e-4)


def test_words_of_no_known_form_say_what_the_prior_says(made):
    """Garbage, and languages that it never read, are not guessed at."""
    reading = made.read(["xqzt", "wrrgl", "bzzk"])
    assert reading is not None
    assert reading.known == 0 and reading.tells == 0
    np.testing.assert_allclose(reading.scores, reading.prior, atol=1e-6)


@pytest.mark.parametrize("language", ["de", "pl", "DE"])
def test_another_language_gives_no_reading(made, language):
    """Where the language is known not to be English, the words are left to those who know it."""
    assert made.read(["i", "am", "happy"], language) is None


@pytest.mark.parametrize("language", ["en", "en-US", "EN", None])
def test_english_and_an_unknown_language_are_read(made, language):
    """Only a language that is known to be another one is refused."""
    assert made.read(["i", "am", "happy"], language) is not None


def test_what_is_saved_reads_the_same(made, tmp_path):
    """Weights, vocabulary and card come back; only the digests are new."""
    save_text_branch(made, tmp_path / "saved")
    again: Any = load_text_branch(tmp_path / "saved")
    words = ["I", "am", "not", "happy!"]
    np.testing.assert_allclose(again.read(words).scores, made.read(words).scores, atol=1e-6)
    assert sorted(p.name for p in (tmp_path / "saved").iterdir()) == [
        "card.json", "vocabulary.json", "weights.safetensors",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["card.json", "vocabulary.json", "weights.safetensors"])
def test_a_broken_or_missing_file_is_an_error_that_names_it(made, tmp_path, name):
    """Cut short, altered or gone: never a traceback of another library, never a silently other branch."""
    save_text_branch(made, tmp_path)
    path = tmp_path / name
    whole = path.read_bytes()
    altered = whole.replace(b'"format"', b'"shape"') if name == "card.json" else whole + b" "
    for content in (whole[: len(whole) // 2], altered, b""):
        path.write_bytes(content)
        with pytest.raises((CardInvalid, HeadMismatch)):
            load_text_branch(tmp_path)
    path.unlink()
    with pytest.raises(CardInvalid, match=name):
        load_text_branch(tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 2}, {"architecture": "pickle"}, {"classes": []}, {"class_prior": [0.5, 0.5]}, {"temperature": 0},
        {"thresholds": []}, {"label_of": {"anger": "angry"}}, {"shares": {"neutral": {"hungry": 1.0}}},
        {"bias": [float("nan")] * 3}, {"lean": 2.0}, {"labels": ["angry", "angry"]},
        {"config": {"words": 10**9, "buckets": 32, "classes": 3}}, {"config": {"colour": "red"}},
    ],
)  # fmt: skip
def test_a_card_that_does_not_fit_is_an_error(made, tmp_path, changes):
    """An untrusted card makes nothing be computed or allocated that its weights do not hold."""
    save_text_branch(made, tmp_path)
    card = json.loads((tmp_path / "card.json").read_text())
    (tmp_path / "card.json").write_text(json.dumps({**card, **changes}))
    with pytest.raises((CardInvalid, HeadMismatch)):
        load_text_branch(tmp_path)


def test_an_unknown_name_says_which_there_are():
    """And what makes one."""
    with pytest.raises(NotCached, match="goemotions"):
        load_text_branch("nowhere")


def test_a_text_branch_is_no_model_of_the_voice(branch):
    """It ships beside `small` and does not appear in the list of speech models."""
    assert "goemotions" in shipped_text()
    assert not [name for name in shipped() if "goemotions" in name]
    assert branch.labels == LABELS


@pytest.mark.parametrize(
    ("sentence", "label"),
    [
        ("I am so happy for you, this is wonderful!", "happy"),
        ("i love it thank you so much", "happy"),
        ("I hate you, you are an idiot!", "angry"),
        ("this makes me so angry", "angry"),
        ("I'm so sorry for your loss, I miss him", "sad"),
        ("i feel sad and lonely", "sad"),
        ("I was terrified, that was so scary", "fearful"),
        ("that is disgusting, gross", "disgust"),
        ("wow, what a surprise!", "surprised"),
        ("I wonder why that is?", "surprised"),
    ],
)
def test_plain_words_of_an_emotion_are_read_as_that_emotion(branch, sentence, label):
    """Sentences of our own, that stand in no corpus: the label with the most news is the one that they express."""
    reading = branch.read(sentence.split(), "en")
    assert reading is not None
    assert LABELS[int((reading.scores / reading.prior).argmax())] == label
    assert reading.tells > 0.35


@pytest.mark.parametrize("sentence", ["Kids are talking by the door.", "Dogs are sitting by the door."])
def test_a_sentence_without_emotion_says_little(branch, sentence):
    """RAVDESS's two sentences are said in every emotion, so they must hardly count beside the voice."""
    reading = branch.read(sentence.split(), "en")
    assert reading is not None
    assert reading.tells < 0.1


def test_the_word_that_carries_the_emotion_weighs_most(branch):
    """Salience: attention lies on the word that says it."""
    words = ["we", "went", "to", "the", "house", "and", "it", "was", "disgusting"]
    reading = branch.read(words)
    assert reading is not None
    assert words[int(reading.weights.argmax())] == "disgusting"


def test_case_and_punctuation_of_the_recognizer_change_little(branch):
    """One recognizer writes capitals and full stops, another writes none."""
    written = branch.read(["I", "am", "so", "happy", "about", "this."])
    bare = branch.read(["i", "am", "so", "happy", "about", "this"])
    assert written is not None and bare is not None
    np.testing.assert_allclose(written.scores, bare.scores, atol=1e-6)


def test_what_ships_is_small_and_holds_no_pickle():
    """A few megabytes, three files: JSON and safetensors."""
    folder = Path(__file__).parents[2] / "models" / "weights" / "text-goemotions"
    files = {path.name: path.stat().st_size for path in folder.iterdir()}
    assert set(files) == {"card.json", "vocabulary.json", "weights.safetensors"}
    assert sum(files.values()) < 8_000_000


def test_a_copied_folder_is_the_same_branch(branch, tmp_path):
    """A branch is its folder: it can be moved and named by path."""
    folder = Path(__file__).parents[2] / "models" / "weights" / "text-goemotions"
    shutil.copytree(folder, tmp_path / "mine")
    words = ["so", "sad"]
    mine: Any = load_text_branch(tmp_path / "mine")
    np.testing.assert_array_equal(mine.read(words).scores, branch.read(words).scores)
