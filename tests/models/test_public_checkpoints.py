"""Public checkpoints of the voice, tiny and random in the original's layout: the original's answers, or an error."""

from typing import Any

import pytest
import torch

from emoscope.models import load_model as load_typed
from emoscope.models.errors import CardInvalid, HeadMismatch, NotCached

from .checkpoint_files import (
    AUDIO,
    IEMOCAP,
    MSP_DIM,
    RAVDESS,
    dense,
    edit_config,
    edit_weights,
    in_hub_cache,
    labelled,
    outputs,
    superb,
    window_normalised,
)

torch.set_num_threads(1)

load_model: Any = load_typed  # tests look into what a family alone has


@pytest.mark.parametrize("family", ["wav2vec2", "hubert", "wavlm"])
@pytest.mark.parametrize("weighted", [True, False])
def test_a_transformers_classifier_gives_the_originals_logits(tmp_path, family, weighted):
    """superb's checkpoints: the projector, the mean of the frames, the classifier, and the weighted sum of layers."""
    original = superb(tmp_path / "er", family, use_weighted_layer_sum=weighted)
    model = load_model(tmp_path / "er")
    with torch.inference_mode():
        expected = original(window_normalised(AUDIO)).logits
    torch.testing.assert_close(outputs(model), expected, atol=2e-5, rtol=1e-4)
    assert model.contract.labels == ("neutral", "happy", "angry", "sad") and model.contract.dimensions == ()


@pytest.mark.parametrize(("labels", "last"), [(MSP_DIM, "out_proj"), (RAVDESS, "output")])
def test_the_older_head_is_read_by_its_own_names(tmp_path, labels, last):
    """A known silent failure: transformers' class takes a head named `classifier.dense` for missing, and draws one."""
    encoder, head = dense(tmp_path / "older", labels, last)
    with torch.inference_mode():
        pooled = encoder(window_normalised(AUDIO)).last_hidden_state.mean(1)
        hidden = torch.tanh(pooled @ head["classifier.dense.weight"].T + head["classifier.dense.bias"])
        expected = hidden @ head[f"classifier.{last}.weight"].T + head[f"classifier.{last}.bias"]
    torch.testing.assert_close(outputs(load_model(tmp_path / "older")), expected, atol=2e-5, rtol=1e-4)


def test_weight_normalisation_under_its_old_names_is_loaded_not_drawn_at_random(tmp_path):
    """The other known silent failure: `weight_g` and `weight_v`, which newer classes call parametrizations."""
    encoder, _ = dense(tmp_path / "g", MSP_DIM, "out_proj")
    loaded = load_model(tmp_path / "g").speech.model.encoder.pos_conv_embed.conv
    ours = encoder.encoder.pos_conv_embed.conv
    torch.testing.assert_close(loaded.weight, ours.weight)

    def lose(weights):
        del weights["wav2vec2.encoder.pos_conv_embed.conv.weight_g"]

    edit_weights(tmp_path / "g", lose)
    with pytest.raises(HeadMismatch, match=r"missing \['encoder.pos_conv_embed.conv.parametrizations.weight.original0"):
        load_model(tmp_path / "g")


def test_dimensions_come_in_our_order_and_range_whatever_theirs_is(tmp_path):
    """audeering's are arousal, dominance, valence from 0 to 1; ours arousal, valence, dominance from -1 to 1."""
    dense(tmp_path / "dim", MSP_DIM, "out_proj")
    model = load_model(tmp_path / "dim")
    assert model.contract.dimensions == ("arousal", "valence", "dominance")
    with torch.inference_mode():
        state = model.pool(*model.speech(AUDIO, torch.tensor([60 * 320]))).state
        arousal, dominance, valence = model.outputs(state)[0].tolist()
        logits, dimensions = model.logits(state)
    expected = [max(-1.0, min(1.0, 2 * one - 1)) for one in (arousal, valence, dominance)]
    assert dimensions[0].tolist() == pytest.approx(expected) and not logits.any()
    assert model.calibration.unsure_below > 1 / len(model.contract.labels)


def test_a_head_with_other_names_is_an_error_that_lists_them(tmp_path):
    """Nothing is filled in, and nothing is left out."""
    superb(tmp_path / "er")
    edit_weights(tmp_path / "er", lambda weights: weights.update({"classifier.extra.weight": torch.ones(2, 2)}))
    with pytest.raises(HeadMismatch, match=r"unexpected \['classifier.extra.weight'\]"):
        load_model(tmp_path / "er")
    edit_weights(tmp_path / "er", lambda weights: weights.pop("classifier.extra.weight"))
    load_model(tmp_path / "er")
    edit_weights(tmp_path / "er", lambda weights: weights.pop("classifier.bias"))
    with pytest.raises(HeadMismatch, match=r"missing \['classifier.bias'\]"):
        load_model(tmp_path / "er")

    def recogniser(weights):
        for name in [name for name in weights if not name.startswith("wav2vec2.")]:
            del weights[name]
        weights["lm_head.weight"] = torch.ones(4, 4)

    edit_config(tmp_path / "er", use_weighted_layer_sum=False)
    edit_weights(tmp_path / "er", recogniser)
    with pytest.raises(HeadMismatch, match="the head is lm_head, so this is no classifier"):
        load_model(tmp_path / "er")


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (labelled(("yes", "no", "up", "down")), "no emotion model: it tells yes, no, up, down apart"),
        (labelled([f"LABEL_{i}" for i in range(4)]), "which says nothing"),
        ({"id2label": {}, "label2id": {}}, "names no labels"),
        ({"label2id": {"neu": 0, "hap": 1, "sad": 2, "ang": 3}}, "contradict each other"),
        ({"label2id": {"neu": 0, "hap": 1, "ang": 2}}, "contradict each other"),
        ({"id2label": {"0": "neu", "2": "hap", "3": "ang", "4": "sad"}}, "must number the outputs from 0"),
        (labelled(("neu", "hap", "ang")), "its config names 3 outputs, but its head has 4"),
        (labelled(("angry", "arousal", "sad", "valence")), "in one head cannot be read"),
        ({"hidden_size": 15}, "can be built"),
        ({"model_type": "vit"}, "'vit', which is no model of emotion"),
    ],
)
def test_a_config_that_cannot_be_meant_is_refused(tmp_path, config, said):
    """Labels that say nothing, contradict each other, or are not those of the head."""
    superb(tmp_path / "er")
    edit_config(tmp_path / "er", **config)
    with pytest.raises((CardInvalid, HeadMismatch), match=said):
        load_model(tmp_path / "er")


def test_a_checkpoint_is_opened_by_its_name_on_the_hub_from_the_hubs_own_cache(tmp_path, monkeypatch):
    """What `hf download` or transformers have cached is found; its revision can be named."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("EMOSCOPE_CACHE", str(tmp_path / "own"))
    name = "superb/wav2vec2-base-superb-er"
    superb(in_hub_cache(tmp_path / "hub", name))
    model = load_model(name)
    assert model.contract.id == name and model.contract.licence == "Apache-2.0"
    assert load_model(f"{name}@main").contract.weights == model.contract.weights
    with pytest.raises(NotCached, match="refs/pr/9 is not on this machine"):
        load_model(f"{name}@refs/pr/9")


def test_without_a_network_one_line_says_what_to_fetch_where_to_and_what_works_now(tmp_path, monkeypatch):
    """A model that is not on this machine."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("EMOSCOPE_CACHE", str(tmp_path / "own"))
    with pytest.raises(NotCached) as caught:
        load_model("superb/hubert-large-superb-er")
    said = str(caught.value)
    assert "`emoscope models pull superb/hubert-large-superb-er` fetches it once" in said and "\n" not in said
    assert str(tmp_path / "hub") in said and "`--model small` works without" in said


def test_a_cache_that_is_half_there_says_so(tmp_path, monkeypatch):
    """A download that was cut off leaves a config, and a link to nothing."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("EMOSCOPE_CACHE", str(tmp_path / "own"))
    name = "superb/wav2vec2-base-superb-er"
    snapshot = in_hub_cache(tmp_path / "hub", name)
    superb(snapshot)
    (snapshot / "model.safetensors").unlink()
    (snapshot / "model.safetensors").symlink_to(tmp_path / "blob")
    with pytest.raises(NotCached, match=f"only half of a checkpoint, without weights; `emoscope models pull {name}`"):
        load_model(name)


def test_the_labels_of_a_checkpoint_are_its_configs_in_their_order(tmp_path):
    """The order of IEMOCAP's four differs from one checkpoint to the next."""
    superb(tmp_path / "er", labels=tuple(reversed(IEMOCAP)))
    assert load_model(tmp_path / "er").contract.labels == ("sad", "angry", "happy", "neutral")
