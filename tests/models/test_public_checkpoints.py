"""Public checkpoints of the voice, tiny and random in the original's layout: the original's answers, or an error."""

import pickle
from typing import Any

import pytest
import torch

from emoscope.models import load_model as load_typed
from emoscope.models.checkpoints import FAMILIES, licence_warning, map_labels
from emoscope.models.checkpoints.classifier import DenseHead, ProjectorHead
from emoscope.models.checkpoints.odyssey import OdysseyHead
from emoscope.models.checkpoints.rows import KNOWN
from emoscope.models.checkpoints.speechbrain import SpeechBrainHead
from emoscope.models.checkpoints.vox_profile import VoxProfileHead
from emoscope.models.encoders import published, speech_encoder
from emoscope.models.errors import CardInvalid, HeadMismatch, NotCached

from .checkpoint_files import (
    IEMOCAP,
    MSP_DIM,
    RAVDESS,
    dense,
    edit_config,
    edit_weights,
    in_hub_cache,
    labelled,
    odyssey,
    speechbrain,
    superb,
    vox_profile,
)

torch.set_num_threads(1)

load_model: Any = load_typed  # tests look into what a family alone has

AUDIO = 0.1 * torch.randn(1, 80 + 60 * 320, generator=torch.Generator().manual_seed(9))


def window_normalised(audio):
    return (audio - audio.mean()) / (audio.var(unbiased=False) + 1e-7).sqrt()


def outputs(model):
    """The whole clip at once, as the original would be given it."""
    with torch.inference_mode():
        hidden, mask = model.speech(AUDIO, torch.tensor([60 * 320]))
        return model.outputs(model.pool(hidden, mask).state)


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


def convolve(features, head):
    for i in (0, 3, 6):
        features = torch.nn.functional.conv1d(features, head[f"model_seq.{i}.weight"], head[f"model_seq.{i}.bias"])
        features = torch.relu(features) if i < 6 else features
    return features


def two_layers(vector, head, name):
    hidden = torch.relu(vector @ head[f"{name}.0.weight"].T + head[f"{name}.0.bias"])
    return hidden @ head[f"{name}.2.weight"].T + head[f"{name}.2.bias"]


def vox_vector(backbone, head, shares):
    with torch.inference_mode():
        made = backbone(window_normalised(AUDIO), output_hidden_states=True)
        # Transformers 4, with which the authors trained, gave the last state after the final norm; 5 gives it before.
        states = torch.stack([*made.hidden_states[:-1], made.last_hidden_state])
        summed = (shares[:, None, None, None] * states).sum(0)
        return convolve(summed.transpose(1, 2), head).mean(2)


def test_vox_profiles_dimensions_are_taken_by_their_names(tmp_path, monkeypatch):
    """A sigmoid a dimension, each by its own head; shorter speech than 3 s gives no label, and this one never does."""
    backbone, head = vox_profile(tmp_path / "dim", monkeypatch, attributes=True)
    model = load_model(tmp_path / "dim")
    vector = vox_vector(backbone, head, torch.softmax(head["weights"], 0))
    names = ("arousal_layer", "valence_layer", "dominance_layer")
    expected = torch.sigmoid(torch.cat([two_layers(vector, head, name) for name in names], 1))
    torch.testing.assert_close(outputs(model), expected, atol=1e-4, rtol=1e-4)
    assert ((expected > 0.02) & (expected < 0.98)).any()  # not all at an end of the sigmoid, where all are alike
    assert model.contract.dimensions == ("arousal", "valence", "dominance")
    assert model.contract.window == 6 * 16_000 and model.contract.hop == 3 * 16_000


def test_vox_profiles_labels_leave_the_authors_other_heads_aside(tmp_path, monkeypatch):
    """Nine labels; its heads of dimensions and of detailed emotions are known, and known not to be used."""
    backbone, head = vox_profile(tmp_path / "cat", monkeypatch, attributes=False)
    model = load_model(tmp_path / "cat")
    vector = vox_vector(backbone, head, torch.softmax(head["weights"], 0))
    torch.testing.assert_close(outputs(model), two_layers(vector, head, "emotion_layer"), atol=1e-3, rtol=1e-4)
    assert model.contract.labels[1] == "contempt" and model.contract.labels[-1] == "other"
    state = model.pool_windows(AUDIO[0, 80:])
    early, late = (model.read(state, torch.tensor([seconds]))[0][0] for seconds in (1.0, 3.5))
    assert early.max() < model.calibration.unsure_below < late.max()


def test_vox_profiles_low_rank_updates_are_added_to_their_weights(tmp_path, monkeypatch):
    """As the authors' class does when it is set to evaluate: W + B A / rank."""
    vox_profile(tmp_path / "lora", monkeypatch, attributes=False, finetune_method="lora", lora_rank=2)
    plain = outputs(load_model(tmp_path / "lora"))
    stem = "backbone_model.encoder.layers.1.feed_forward.intermediate_dense"

    def update(weights):
        rows, columns = weights[f"{stem}.weight"].shape
        weights[f"{stem}.lora_A"], weights[f"{stem}.lora_B"] = torch.randn(2, columns), torch.randn(rows, 2)
        weights[f"{stem}.weight"] -= weights[f"{stem}.lora_B"] @ weights[f"{stem}.lora_A"] / 2

    edit_weights(tmp_path / "lora", update)
    torch.testing.assert_close(outputs(load_model(tmp_path / "lora")), plain, atol=1e-3, rtol=1e-3)
    edit_weights(tmp_path / "lora", lambda weights: weights.pop(f"{stem}.lora_A"))
    with pytest.raises(HeadMismatch, match="the low-rank update"):
        load_model(tmp_path / "lora")


def test_a_sum_without_the_state_below_the_first_layer_gives_it_no_share(tmp_path, monkeypatch):
    """`use_conv_output: false`: one weight fewer."""
    backbone, head = vox_profile(tmp_path / "v", monkeypatch, attributes=False, use_conv_output=False)
    edit_weights(tmp_path / "v", lambda weights: weights.update(weights=weights["weights"][1:].clone()))
    shares = torch.cat([torch.zeros(1), torch.softmax(head["weights"][1:], 0)])
    expected = two_layers(vox_vector(backbone, head, shares), head, "emotion_layer")
    torch.testing.assert_close(outputs(load_model(tmp_path / "v")), expected, atol=1e-3, rtol=1e-4)


def test_the_odyssey_baseline_normalises_by_its_config_and_pools_by_attention(tmp_path, monkeypatch):
    """Written out as its authors do: the mean and deviation of the training set, attentive statistics, the network."""
    encoder, head = odyssey(tmp_path / "o", monkeypatch)
    with torch.inference_mode():
        hidden = encoder((AUDIO - -8e-05) / (0.0896 + 1e-6)).last_hidden_state
        tanh = torch.tanh(hidden @ head["pool_model.sap_linear.weight"].T + head["pool_model.sap_linear.bias"])
        share = torch.softmax(tanh @ head["pool_model.attention"], 1)
        mean = (share * hidden).sum(1)
        deviation = ((share * hidden.square()).sum(1) - mean.square()).clamp_min(1e-5).sqrt()
        linear = torch.cat([mean, deviation], 1) @ head["ser_model.fc.0.0.weight"].T + head["ser_model.fc.0.0.bias"]
        norm = torch.nn.functional.layer_norm(
            linear, (6,), head["ser_model.fc.0.1.weight"], head["ser_model.fc.0.1.bias"]
        )
        expected = torch.relu(norm) @ head["ser_model.out.0.weight"].T + head["ser_model.out.0.bias"]
    model = load_model(tmp_path / "o")
    torch.testing.assert_close(outputs(model), expected, atol=1e-3, rtol=1e-3)
    assert model.contract.labels[:3] == ("angry", "sad", "happy") and "contempt" in model.contract.labels


def test_speechbrains_normalised_output_is_merged_exactly(tmp_path, monkeypatch):
    """Written out as SpeechBrain does: both norms, the mean, the linear layer; from parts as from the whole."""
    encoder, linear = speechbrain(tmp_path / "sb", monkeypatch)
    norm = torch.nn.functional.layer_norm
    with torch.inference_mode():
        hidden = encoder(norm(AUDIO, AUDIO.shape)).last_hidden_state
        expected = norm(hidden, hidden.shape).mean(1) @ linear.T
        model = load_model(tmp_path / "sb")
        torch.testing.assert_close(outputs(model), expected, atol=2e-3, rtol=1e-3)
        frames, mask = model.speech(AUDIO, torch.tensor([60 * 320]))
        parts = [model.pool(frames[:, a:b], mask[:, a:b]).state for a, b in ((0, 7), (7, 41), (41, 60))]
        merged = model.outputs(parts[2].merge(parts[0]).merge(parts[1]))
    torch.testing.assert_close(merged, outputs(model), atol=1e-4, rtol=1e-4)
    assert model.contract.labels == ("neutral", "angry", "happy", "sad")


class Payload:
    """A pickle that would write a file where it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_a_pickle_with_code_in_it_is_refused_and_runs_nothing(tmp_path, monkeypatch):
    """Loading it would have made a file."""
    odyssey(tmp_path / "o", monkeypatch)
    torch.save({"weight": Payload(tmp_path / "ran")}, tmp_path / "o" / "pytorch_model.bin")
    with pytest.raises(HeadMismatch, match="could run code; it was refused"):
        load_model(tmp_path / "o")
    assert not (tmp_path / "ran").exists()
    (tmp_path / "o" / "pytorch_model.bin").write_bytes(pickle.dumps(Payload(tmp_path / "ran")))
    with pytest.raises(HeadMismatch, match=r"could run code; it was refused|not a whole file"):
        load_model(tmp_path / "o")
    assert not (tmp_path / "ran").exists()


def test_a_file_of_weights_that_is_cut_or_holds_something_else_is_refused(tmp_path, monkeypatch):
    """In torch's format as in safetensors."""
    odyssey(tmp_path / "o", monkeypatch)
    path = tmp_path / "o" / "pytorch_model.bin"
    whole = path.read_bytes()
    path.write_bytes(whole[:-200])
    with pytest.raises(HeadMismatch, match="not a whole file of weights"):
        load_model(tmp_path / "o")
    torch.save([torch.ones(2)], path)
    with pytest.raises(HeadMismatch, match="not tensors by name, but list"):
        load_model(tmp_path / "o")


def test_code_in_a_repository_is_never_imported(tmp_path, monkeypatch):
    """The baseline's config names a module of its own, and here one lies beside it."""
    odyssey(tmp_path / "o", monkeypatch)
    (tmp_path / "o" / "pipeline_utils.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    load_model(tmp_path / "o")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("hyperparams.yaml", "wav2vec2_hub", "source_hub", "names no wav2vec2_hub"),
        ("hyperparams.yaml", "output_norm: True", "output_norm: False", "only output_norm: True"),
        ("label_encoder.txt", "'sad' => 3", "'sad' => 2", "a number of its own"),
        ("label_encoder.txt", "'sad' => 3\n", "", "its config names 3 outputs, but its head has 4"),
    ],
)
def test_speechbrain_files_that_say_something_else_are_refused(tmp_path, monkeypatch, file, old, new, said):
    """Nothing is guessed."""
    speechbrain(tmp_path / "sb", monkeypatch)
    path = tmp_path / "sb" / file
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises((CardInvalid, HeadMismatch), match=said):
        load_model(tmp_path / "sb")


def counted(*modules):
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


def test_the_parameters_of_the_known_checkpoints_are_those_of_their_shapes():
    """Built without memory, from the published shapes of their encoders."""
    from transformers import AutoConfig, AutoModelForSequenceClassification

    robertas = {"vocab_size": 50265, "max_position_embeddings": 514, "type_vocab_size": 1}
    texts = {
        "j-hartmann/emotion-english-distilroberta-base": ("roberta", {**robertas, "num_hidden_layers": 6}),
        "SamLowe/roberta-base-go_emotions": ("roberta", robertas),
        "cardiffnlp/twitter-roberta-base-emotion": ("roberta", robertas),
        "MilaNLProc/feel-it-italian-emotion": ("camembert", {**robertas, "vocab_size": 32005}),
    }
    with torch.device("meta"):
        wavlm, base = published("microsoft/wavlm-large"), published("facebook/wav2vec2-base")
        hubert, xlsr = published("facebook/hubert-large-ll60k"), published("facebook/wav2vec2-large-xlsr-53")
        twelve = speech_encoder(xlsr.speech(model={**xlsr.model, "num_hidden_layers": 12}))
        summed = speech_encoder(wavlm.speech(layer="weighted"))
        expected = {
            "superb/wav2vec2-base-superb-er": (
                speech_encoder(base.speech(layer="weighted")), ProjectorHead(768, 256, 4),
            ),
            "superb/hubert-large-superb-er": (
                speech_encoder(hubert.speech(layer="weighted")), ProjectorHead(1024, 256, 4),
            ),
            "audeering/wav2vec2-large-robust-12-ft-emotion-msp-dim": (twelve, DenseHead(1024, 3, "out_proj")),
            "tiantiaf/wavlm-large-msp-podcast-emotion-dim": (summed, VoxProfileHead(1024, 256, 0)),
            "tiantiaf/wavlm-large-categorical-emotion": (summed, VoxProfileHead(1024, 256, 9)),
            "3loi/SER-Odyssey-Baseline-WavLM-Categorical": (
                speech_encoder(wavlm.speech()), OdysseyHead(1024, 1024, 1, 8),
            ),
            "speechbrain/emotion-recognition-wav2vec2-IEMOCAP": (
                speech_encoder(base.speech()), SpeechBrainHead(768, 4),
            ),
            "ehcalabres/wav2vec2-lg-xlsr-en-speech-emotion-recognition": (
                speech_encoder(xlsr.speech()), DenseHead(1024, 8, "output"),
            ),
        }  # fmt: skip
        for name, (family, shape) in texts.items():
            labels = len(KNOWN[name].outputs)
            config = AutoConfig.for_model(family, num_labels=labels, **shape)
            expected[name] = (AutoModelForSequenceClassification.from_config(config),)
    assert {name: KNOWN[name].parameters for name in expected} == {
        name: counted(*modules) for name, modules in expected.items()
    }


@pytest.mark.parametrize("row", KNOWN.values(), ids=lambda row: row.id)
def test_every_known_checkpoint_has_a_family_and_outputs_that_can_be_mapped(row):
    """And a licence, with a warning where it is no free one."""
    assert row.family in {family.name for family in FAMILIES}
    mapped = map_labels(row.outputs, row.id)
    assert mapped.labels or [name for name, _ in mapped.dimensions] == ["arousal", "valence", "dominance"]
    assert bool(licence_warning(row.licence)) == (row.licence not in ("Apache-2.0", "MIT"))
