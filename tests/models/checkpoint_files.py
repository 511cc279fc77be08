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


VOX_LABELS = ("Anger", "Contempt", "Disgust", "Fear", "Happiness", "Neutral", "Sadness", "Surprise", "Other")
ODYSSEY_LABELS = ("Angry", "Sad", "Happy", "Surprise", "Fear", "Disgust", "Contempt", "Neutral")


def tiny_published(monkeypatch: Any, name: str, **changes: Any) -> Any:
    """Make a published encoder tiny, where a checkpoint's config names it and does not hold its shape.

    Returns transformers' own model of that shape.
    """
    from dataclasses import replace

    import transformers

    from emoscope.models.encoders.published import PUBLISHED

    shape = {**tiny_model(PUBLISHED[name].model["model_type"]), **changes}
    monkeypatch.setitem(PUBLISHED, name, replace(PUBLISHED[name], model=shape))
    torch.manual_seed(23)
    return transformers.AutoModel.from_config(transformers.AutoConfig.for_model(**shape)).eval()


STABLE = {"feat_extract_norm": "layer", "do_stable_layer_norm": True}


def layers(width: int, outputs: int, name: str) -> dict[str, torch.Tensor]:
    return {
        f"{name}.0.weight": torch.randn(width, width) / 3, f"{name}.0.bias": torch.randn(width) / 3,
        f"{name}.2.weight": torch.randn(outputs, width) / 3, f"{name}.2.bias": torch.randn(outputs) / 3,
    }  # fmt: skip


def vox_profile(folder: Path, monkeypatch: Any, *, attributes: bool, **config: Any) -> tuple[Any, dict[str, Any]]:
    """tiantiaf's: the backbone, the sum of layers, convolutions, and the heads of the authors' class."""
    backbone = tiny_published(monkeypatch, "microsoft/wavlm-large", **STABLE)
    hidden, width = 5, backbone.config.hidden_size
    head: dict[str, torch.Tensor] = {"weights": torch.randn(backbone.config.num_hidden_layers + 1)}
    for i, inputs in ((0, width), (3, hidden), (6, hidden)):
        head[f"model_seq.{i}.weight"] = torch.randn(hidden, inputs, 1) / 3
        head[f"model_seq.{i}.bias"] = torch.randn(hidden)
    for name in ("arousal_layer", "valence_layer", "dominance_layer"):
        head |= layers(hidden, 1, name)
    if not attributes:
        head |= layers(hidden, len(VOX_LABELS), "emotion_layer") | layers(hidden, 17, "detailed_out_layer")
    write_config(folder, {
        "pretrain_model": "wavlm_large", "finetune_method": "finetune", "lora_rank": 16, "freeze_params": True,
        "output_class_num": 9, "use_conv_output": True, "hidden_dim": hidden, **config,
    })  # fmt: skip
    write_weights(folder, {**{f"backbone_model.{k}": v for k, v in backbone.state_dict().items()}, **head})
    return backbone, head


def odyssey(folder: Path, monkeypatch: Any) -> tuple[Any, dict[str, torch.Tensor]]:
    """3loi's: the encoder under `ssl_model.`, attentive statistics, and a network of layers, in torch's own format."""
    encoder = tiny_published(monkeypatch, "microsoft/wavlm-large", **STABLE)
    width, count = encoder.config.hidden_size, len(ODYSSEY_LABELS)
    head = {
        "pool_model.attention": torch.randn(width, 1), "pool_model.sap_linear.weight": torch.randn(width, width),
        "pool_model.sap_linear.bias": torch.randn(width), "ser_model.fc.0.0.weight": torch.randn(6, 2 * width),
        "ser_model.fc.0.0.bias": torch.randn(6), "ser_model.fc.0.1.weight": torch.rand(6),
        "ser_model.fc.0.1.bias": torch.randn(6), "ser_model.out.0.weight": torch.randn(count, 6),
        "ser_model.out.0.bias": torch.randn(count),
    }  # fmt: skip
    write_config(folder, {
        "architectures": ["SERModel"], "model_type": "ser", "ssl_type": "microsoft/wavlm-large", "mean": -8e-05,
        "std": 0.0896, "sampling_rate": 16_000, "num_classes": count, "classifier_hidden_layers": 1,
        "auto_map": {"AutoModelForAudioClassification": "pipeline_utils.SERModel"}, **labelled(ODYSSEY_LABELS),
    })  # fmt: skip
    torch.save({**{f"ssl_model.{k}": v for k, v in encoder.state_dict().items()}, **head}, folder / "pytorch_model.bin")
    return encoder, head


HYPERPARAMETERS = """# Generated for the hub
pretrained_path: speechbrain/emotion-recognition-wav2vec2-IEMOCAP
wav2vec2_hub: facebook/wav2vec2-base
encoder_dim: 768
out_n_neurons: 4
wav2vec2: !new:speechbrain.lobes.models.huggingface_wav2vec.HuggingFaceWav2Vec2
    source: !ref <wav2vec2_hub>
    output_norm: True
    freeze: True
avg_pool: !new:speechbrain.nnet.pooling.StatisticsPooling
    return_std: False
output_mlp: !new:speechbrain.nnet.linear.Linear
    input_size: !ref <encoder_dim>
    n_neurons: !ref <out_n_neurons>
    bias: False
"""


def speechbrain(folder: Path, monkeypatch: Any) -> tuple[Any, torch.Tensor]:
    """SpeechBrain's files: two of torch's, the hyperparameters, and the label encoder."""
    encoder = tiny_published(monkeypatch, "facebook/wav2vec2-base")
    folder.mkdir(parents=True, exist_ok=True)
    linear = torch.randn(4, encoder.config.hidden_size)
    (folder / "hyperparams.yaml").write_text(HYPERPARAMETERS)
    (folder / "config.json").write_text('{"speechbrain_interface": "CustomEncoderWav2vec2Classifier"}')
    (folder / "label_encoder.txt").write_text(
        "'neu' => 0\n'ang' => 1\n'hap' => 2\n'sad' => 3\n================\n'starting_index' => 0\n"
    )
    torch.save({f"model.{k}": v for k, v in old_names(encoder.state_dict()).items()}, folder / "wav2vec2.ckpt")
    torch.save({"0.w.weight": linear}, folder / "model.ckpt")
    return encoder, linear


WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "dogs", "are", "sitting", "by", "the", "door", "kids", "talking", "i",
         "hate", "this", "love", "it")  # fmt: skip


def text(folder: Path, labels: Any, family: str = "roberta", **changes: Any) -> Any:
    """A text classifier of transformers with its tokenizer. Returns the original model."""
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    torch.manual_seed(24)
    shape = tiny_model("roberta") | {"model_type": family} if family == "camembert" else tiny_model(family)
    fields = {**shape, "pad_token_id": 0 if family in ("bert", "distilbert") else 1, **labelled(labels), **changes}
    config = transformers.AutoConfig.for_model(**fields)
    made = transformers.AutoModelForSequenceClassification.from_config(config).eval()
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    write_config(folder, {**json.loads(config.to_json_string()), "architectures": [type(made).__name__]})
    write_weights(folder, made.state_dict())
    words = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]"
    ).save_pretrained(folder)
    return made


AUDIO = 0.1 * torch.randn(1, 80 + 60 * 320, generator=torch.Generator().manual_seed(9))


def window_normalised(audio: torch.Tensor) -> torch.Tensor:
    return (audio - audio.mean()) / (audio.var(unbiased=False) + 1e-7).sqrt()


def outputs(model: Any) -> Any:
    """The whole clip at once, as the original would be given it."""
    with torch.inference_mode():
        hidden, mask = model.speech(AUDIO, torch.tensor([60 * 320]))
        return model.outputs(model.pool(hidden, mask).state)
