"""Public checkpoints of text, tiny and random in transformers' layout: the original's answers, or an error."""

import contextlib
import json
from typing import Any

import pytest
import torch

from emoscope.models import load_model as load_typed
from emoscope.models.checkpoints import ROWS
from emoscope.models.checkpoints.labels import EKMAN, map_labels
from emoscope.models.errors import CardInvalid, HeadMismatch, ModelError

from .checkpoint_files import WORDS, edit_config, edit_weights, text

torch.set_num_threads(1)

load_model: Any = load_typed  # tests look into what a family alone has

HARTMANN = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")
GOEMOTIONS = next(row.outputs for row in ROWS if row.id.startswith("SamLowe/"))
SENTENCE = "dogs are sitting by the door"


def ids_of(sentence):
    return torch.tensor([[2, *(WORDS.index(word) for word in sentence.split()), 3]])


@pytest.mark.parametrize("family", ["roberta", "camembert", "xlm-roberta", "bert", "distilbert"])
def test_a_text_classifier_gives_the_originals_probabilities_by_our_names(tmp_path, family):
    """Each architecture of the known checkpoints, and its relatives."""
    original = text(tmp_path / "t", HARTMANN, family)
    with torch.inference_mode():
        expected = torch.softmax(original(input_ids=ids_of(SENTENCE)).logits[0], 0)
    model = load_model(tmp_path / "t")
    reading = model.words.read(SENTENCE.split())
    assert model.words.labels == ("angry", "disgust", "fearful", "happy", "neutral", "sad", "surprised")
    assert reading.scores.tolist() == pytest.approx(expected.tolist(), abs=1e-5)
    assert not model.contract.hears and model.contract.labels == model.words.labels


def test_goemotions_28_labels_are_grouped_as_ekmans_and_the_surest_of_a_group_counts(tmp_path):
    """A sigmoid each; joy has twelve labels and disgust one, so adding them up would count joy twelve times."""
    original = text(tmp_path / "go", GOEMOTIONS, problem_type="multi_label_classification")
    with torch.inference_mode():
        sure = torch.sigmoid(original(input_ids=ids_of(SENTENCE)).logits[0]).tolist()
    groups = {
        name: max(one for one, raw in zip(sure, GOEMOTIONS, strict=True) if raw in group)
        for name, group in EKMAN.items()
    }
    model = load_model(tmp_path / "go")
    scores = dict(zip(model.words.labels, model.words.read(SENTENCE.split()).scores.tolist(), strict=True))
    assert scores == pytest.approx({name: value / sum(groups.values()) for name, value in groups.items()}, abs=1e-5)


def test_outputs_of_one_name_are_added_up_where_they_share_a_softmax(tmp_path):
    """Two words for one emotion."""
    original = text(tmp_path / "two", ("joy", "happiness", "anger"))
    with torch.inference_mode():
        joy, happiness, anger = torch.softmax(original(input_ids=ids_of("love it")).logits[0], 0).tolist()
    model = load_model(tmp_path / "two")
    assert model.words.labels == ("happy", "angry")
    assert model.words.read(["love", "it"]).scores.tolist() == pytest.approx([joy + happiness, anger], abs=1e-5)


def test_a_label_that_we_have_no_name_for_keeps_its_own(tmp_path):
    """cardiffnlp's optimism is not happiness, and pysentimiento's others is no neutral."""
    text(tmp_path / "t", ("joy", "optimism", "anger", "sadness"))
    assert load_model(tmp_path / "t").contract.labels == ("happy", "optimism", "angry", "sad")
    assert map_labels(("others", "joy", "sadness"), "x").labels == ("other", "happy", "sad")


def test_of_a_text_that_is_too_long_the_last_tokens_are_read(tmp_path):
    """robertuito takes 128 tokens: the position ids would run out of the table."""
    original = text(tmp_path / "t", HARTMANN)  # 34 positions, of which 2 are RoBERTa's own
    said = [WORDS[4 + i % 12] for i in range(100)]
    ids = torch.tensor([[2, *(WORDS.index(word) for word in said[-30:]), 3]])
    with torch.inference_mode():
        expected = torch.softmax(original(input_ids=ids).logits[0], 0)
    assert load_model(tmp_path / "t").words.read(said).scores.tolist() == pytest.approx(expected.tolist(), abs=1e-5)


def test_words_of_another_language_have_no_reading(tmp_path):
    """Its page says Italian."""
    text(tmp_path / "t", ("anger", "fear", "joy", "sadness"), "camembert")
    (tmp_path / "t" / "README.md").write_text("---\nlanguage: it\n---\n")
    words = load_model(tmp_path / "t").words
    assert words.read(["ciao"], "en") is None and words.read([" "]) is None
    assert words.read(["ciao"], "it-IT") is not None and words.read(["ciao"], None) is not None


def test_a_text_head_that_is_missing_or_anothers_is_an_error(tmp_path):
    """transformers would draw one at random."""
    text(tmp_path / "t", HARTMANN)
    edit_weights(tmp_path / "t", lambda weights: weights.pop("classifier.out_proj.weight"))
    with pytest.raises(HeadMismatch, match=r"missing \['classifier.out_proj.weight'\]"):
        load_model(tmp_path / "t")
    text(tmp_path / "t", HARTMANN)
    edit_weights(tmp_path / "t", lambda weights: weights.update({"lm_head.bias": torch.ones(3)}))
    with pytest.raises(HeadMismatch, match=r"unexpected \['lm_head.bias'\]"):
        load_model(tmp_path / "t")


def test_leftovers_that_no_classifier_uses_are_passed_over(tmp_path):
    """Position ids as a buffer, and a pooler, are in checkpoints of older versions."""
    text(tmp_path / "t", HARTMANN)
    old = {"roberta.embeddings.position_ids": torch.arange(34)[None], "roberta.pooler.dense.bias": torch.ones(16)}
    edit_weights(tmp_path / "t", lambda weights: weights.update(old))
    assert load_model(tmp_path / "t").words.read(["dogs"]) is not None


def test_contradictory_labels_of_a_text_model_are_refused(tmp_path):
    """As in one revision of feel-it's."""
    text(tmp_path / "t", ("anger", "fear", "joy", "sadness"))
    edit_config(tmp_path / "t", label2id={"anger": 1, "fear": 0, "joy": 2, "sadness": 3})
    with pytest.raises(CardInvalid, match=r"contradict each other \(0 anger, 1 fear.*; 0 fear, 1 anger"):
        load_model(tmp_path / "t")


def test_a_text_model_without_its_tokenizer_is_refused(tmp_path):
    """Another's would give other words."""
    text(tmp_path / "t", HARTMANN)
    (tmp_path / "t" / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match="no tokenizer"):
        load_model(tmp_path / "t")


def test_a_tokenizer_with_code_of_its_own_is_not_run(tmp_path):
    """transformers would ask on the terminal whether it may."""
    text(tmp_path / "t", HARTMANN)
    path = tmp_path / "t" / "tokenizer_config.json"
    mapped = {"auto_map": {"AutoTokenizer": ["own.Own", None]}, "tokenizer_class": "Own"}
    path.write_text(json.dumps(json.loads(path.read_text()) | mapped))
    (tmp_path / "t" / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    with contextlib.suppress(ModelError):  # whether it is refused or read as a plain one is transformers' choice
        load_model(tmp_path / "t")
    assert not (tmp_path / "ran").exists()
