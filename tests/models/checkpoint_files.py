"""Tiny random checkpoints with the configs and weight names of public ones, in folders and in a hub's cache."""

import json
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from emoscope.models.encoders import tiny_model

IEMOCAP = ("neu", "hap", "ang", "sad")
MSP_DIM = ("arousal", "dominance", "valence")
RAVDESS = ("angry", "calm", "disgust", "fearful", "happy", "neutral", "sad", "surprised")


def labelled(labels: Any) -> dict[str, Any]:
    return {
        "id2label": {str(i): label for i, label in enumerate(labels)},
        "label2id": {label: i for i, label in enumerate(labels)},
    }


def write_config(folder: Path, config: dict[str, Any], preprocessor: dict[str, Any] | None = None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    if preprocessor is not None:
        (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor))


def write_weights(folder: Path, weights: dict[str, torch.Tensor]) -> None:
    plain = {name: tensor.detach().clone().contiguous() for name, tensor in weights.items()}
    safetensors.torch.save_file(plain, folder / "model.safetensors", {"format": "pt"})


def edit_config(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def edit_weights(folder: Path, change: Any) -> None:
    weights = safetensors.torch.load_file(folder / "model.safetensors")
    change(weights)
    write_weights(folder, weights)


def old_names(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Weight normalisation as checkpoints name it that were saved before torch's parametrizations."""
    new, old = ("parametrizations.weight.original0", "parametrizations.weight.original1"), ("weight_g", "weight_v")
    return {name.replace(new[0], old[0]).replace(new[1], old[1]): tensor for name, tensor in weights.items()}


def superb(folder: Path, family: str = "wav2vec2", labels: Any = IEMOCAP, **changes: Any) -> Any:
    """superb/...-er: transformers' own class, a weighted sum of layers. Returns the original model."""
    import transformers

    torch.manual_seed(21)
    fields = {"use_weighted_layer_sum": True, "classifier_proj_size": 6, **labelled(labels), **changes}
    config = transformers.AutoConfig.for_model(**{**tiny_model(family), **fields})
    made = transformers.AutoModelForAudioClassification.from_config(config).eval()
    torch.nn.init.normal_(made.classifier.weight)
    if fields["use_weighted_layer_sum"]:
        torch.nn.init.normal_(made.layer_weights)
    write_config(
        folder, {**json.loads(config.to_json_string()), "architectures": [type(made).__name__]},
        {"sampling_rate": 16_000, "do_normalize": True, "feature_extractor_type": "Wav2Vec2FeatureExtractor"},
    )  # fmt: skip
    write_weights(folder, old_names(made.state_dict()))
    return made


def dense(folder: Path, labels: Any, last: str, **changes: Any) -> tuple[Any, dict[str, torch.Tensor]]:
    """audeering's and ehcalabres' layout: the encoder under `wav2vec2.`, and `classifier.dense` and an output layer.

    Returns transformers' encoder, and the head's weights.
    """
    import transformers

    torch.manual_seed(22)
    fields = {
        **tiny_model("wav2vec2"), "feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True,
        "architectures": ["Wav2Vec2ForSpeechClassification"], "finetuning_task": "wav2vec2_reg", "pooling_mode": "mean",
        "vocab_size": None, **labelled(labels), **changes,
    }  # fmt: skip
    config = transformers.AutoConfig.for_model(**{k: v for k, v in fields.items() if k != "architectures"})
    encoder = transformers.AutoModel.from_config(config).eval()
    width, count = config.hidden_size, len(labels)
    head = {
        "classifier.dense.weight": torch.randn(width, width) / 2, "classifier.dense.bias": torch.randn(width),
        f"classifier.{last}.weight": torch.randn(count, width) / 2, f"classifier.{last}.bias": torch.randn(count) / 2,
    }  # fmt: skip
    write_config(folder, fields, {"sampling_rate": 16_000, "do_normalize": True})
    write_weights(folder, {**{f"wav2vec2.{k}": v for k, v in old_names(encoder.state_dict()).items()}, **head})
    return encoder, head


def in_hub_cache(hub: Path, name: str, commit: str = "0123456789abcdef0123456789abcdef01234567") -> Path:
    """The folder of a repository's snapshot in a hub cache under `hub`, current on `main`."""
    repository = hub / f"models--{name.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True, exist_ok=True)
    (repository / "refs" / "main").write_text(commit)
    snapshot = repository / "snapshots" / commit
    snapshot.mkdir(parents=True, exist_ok=True)
    return snapshot
