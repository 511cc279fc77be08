"""Families of public checkpoints with layouts of their own: the original's computation, written out."""

from typing import Any

import pytest
import torch

from emoscope.models import load_model as load_typed
from emoscope.models.errors import CardInvalid, HeadMismatch

from .checkpoint_files import AUDIO, edit_weights, odyssey, outputs, speechbrain, vox_profile, window_normalised

torch.set_num_threads(1)

load_model: Any = load_typed  # tests look into what a family alone has


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
