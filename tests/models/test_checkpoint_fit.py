"""Checkpoints that do not fit what was built, or are broken: said, never taken in silence."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from letters import letter_tokenizer

from emoscope.models.encoders import (
    PUBLISHED,
    SpeechConfig,
    TextConfig,
    load_into,
    published,
    speech_checkpoint,
    speech_encoder,
    text_checkpoint,
    text_encoder,
    tiny_model,
)
from emoscope.models.encoders.agreement import differences
from emoscope.models.encoders.build import transformers_config, transformers_model
from emoscope.models.encoders.config import SPEECH, TEXT
from emoscope.models.encoders.tokenizer import TextTokenizer
from emoscope.models.errors import CardInvalid, HeadMismatch, UsageError
from emoscope.models.systems import build, load_encoders
from emoscope.models.systems.rows import SEGMENTAL_CORPORA

torch.set_num_threads(1)


def built(family: str, **changes: Any) -> Any:
    if family in SPEECH:
        return speech_encoder(SpeechConfig(model=tiny_model(family), **changes))
    return text_encoder(TextConfig(model=tiny_model(family), **changes))


def saved(family: str, folder: Path, preprocessor: dict[str, Any] | None = None, **changes: Any) -> Path:
    """A tiny random checkpoint, with some fields of its config.json changed afterwards."""
    encoder = built(family)
    weights = {name: tensor.contiguous() for name, tensor in encoder.model.state_dict().items()}
    safetensors.torch.save_file(weights, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({**tiny_model(family), **changes}))
    (folder / "preprocessor_config.json").write_text(json.dumps({"do_normalize": False, **(preprocessor or {})}))
    return folder


@pytest.mark.parametrize(
    ("family", "changes"),
    [
        ("wav2vec2", {"num_attention_heads": 4, "do_stable_layer_norm": True}),
        ("hubert", {"hidden_act": "relu", "feat_extract_activation": "relu"}),
        ("wavlm", {"layer_norm_eps": 0.5, "max_bucket_distance": 32}),
        ("wav2vec2-bert", {"num_attention_heads": 4, "hidden_act": "gelu"}),
        ("whisper", {"encoder_attention_heads": 4}),
        ("deberta-v2", {"pos_att_type": "p2c", "max_relative_positions": 16, "norm_rel_ebd": "none"}),
        ("roberta", {"layer_norm_eps": 0.5, "pad_token_id": 2}),
        ("xlm-roberta", {"num_attention_heads": 4}),
        ("bert", {"hidden_act": "relu", "is_decoder": True}),
        ("distilbert", {"activation": "relu", "n_heads": 4}),
    ],
)
def test_a_checkpoint_that_computes_otherwise_is_refused(family: str, changes: dict[str, Any], tmp_path: Path) -> None:
    """Every shape is the same, the outputs would not be: each field is named, and the weights stay as they were."""
    encoder = built(family)
    before = {name: tensor.clone() for name, tensor in encoder.model.state_dict().items()}
    with pytest.raises(HeadMismatch) as refused:
        load_into(encoder, saved(family, tmp_path, **changes))
    assert changes and [name for name in changes if f"{name} " not in str(refused.value)] == []
    assert str(refused.value).count(" instead of ") == len(changes)
    assert before and all(torch.equal(tensor, before[name]) for name, tensor in encoder.model.state_dict().items())


@pytest.mark.parametrize("family", [*SPEECH, *TEXT])
def test_fields_that_no_output_depends_on_may_differ(family: str, tmp_path: Path) -> None:
    """Dropouts, labels, losses, versions and fields of old configurations do not keep weights from an encoder."""
    changes: dict[str, Any] = {
        "hidden_dropout": 0.3, "attention_dropout": 0.3, "feat_proj_dropout": 0.1, "layerdrop": 0.2, "dropout": 0.4,
        "mask_time_prob": 0.3, "transformers_version": "4.2.0", "torch_dtype": "float16", "architectures": ["Other"],
        "id2label": {"0": "glad"}, "label2id": {"glad": 0}, "initializer_range": 0.5, "gradient_checkpointing": False,
        "freeze_feat_extract_train": True, "ctc_loss_reduction": "mean", "bos_token_id": 0, "use_cache": False,
        "conv_act": "gelu",
    }  # fmt: skip
    encoder = built(family)
    load_into(encoder, saved(family, tmp_path, **changes))
    weights = safetensors.torch.load_file(tmp_path / "model.safetensors")
    assert weights and all(torch.equal(tensor, weights[name]) for name, tensor in encoder.model.state_dict().items())


def test_a_checkpoint_with_another_preprocessor_is_refused(tmp_path: Path) -> None:
    """Another rate or normalisation of the waveform is named; fixed statistics, chosen on purpose, stand."""
    saved("wav2vec2", tmp_path, {"sampling_rate": 8_000, "do_normalize": True})
    with pytest.raises(HeadMismatch, match="sampling_rate 8000 instead of 16000, do_normalize True instead of False"):
        load_into(built("wav2vec2"), tmp_path)
    saved("wav2vec2", tmp_path)
    with pytest.raises(HeadMismatch, match="do_normalize False instead of True"):
        load_into(built("wav2vec2", normalise="window"), tmp_path)
    load_into(built("wav2vec2", normalise=(0.0, 0.1)), tmp_path)


def test_a_system_asks_for_the_checkpoint_of_its_own_config(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever was changed when it was built, and for the encoders that it has; without a known one, it says so."""
    asked: list[str] = []
    module = sys.modules[load_encoders.__module__]  # its name in the package is that of a function
    tokenizers: list[str] = []
    monkeypatch.setattr(module, "load_into", lambda encoder, name, download: asked.append(name))

    def text_tokenizer(name: str, download: bool) -> TextTokenizer:
        tokenizers.append(name)
        return letter_tokenizer()

    monkeypatch.setattr(module, "text_tokenizer", text_tokenizer)

    def asks(system: str, **changes: Any) -> list[str]:
        asked.clear()
        tokenizers.clear()
        load_encoders(build(system, "tiny", **changes))
        assert tokenizers == [name for name in asked if "berta" in name]  # each text encoder brings its own
        return asked.copy()

    assert asks("segmental") == ["facebook/wav2vec2-base"]
    assert asks("segmental", **SEGMENTAL_CORPORA["fesc"]) == ["facebook/wav2vec2-large-xlsr-53"]
    assert asks("attentive") == ["facebook/w2v-bert-2.0", "microsoft/deberta-v3-base"]
    changed = asks("attentive", speech="microsoft/wavlm-large", text={"checkpoint": "FacebookAI/roberta-base"})
    assert changed == ["microsoft/wavlm-large", "FacebookAI/roberta-base"]
    assert asks("emospeech") == ["facebook/wav2vec2-xls-r-300m", "llange/xlm-roberta-large-spanish"]
    assert asks("emospeech-ensemble") == ["facebook/wav2vec2-xls-r-300m", "llange/xlm-roberta-large-spanish"] * 3
    assert asks("camulenet") == ["openai/whisper-medium"]
    assert asks("attributes") == ["microsoft/wavlm-large", "FacebookAI/roberta-large"]
    heard = ["microsoft/wavlm-large", "openai/whisper-large-v3", "FacebookAI/roberta-large"]
    assert asks("attributes-ensemble") == heard
    assert asks("attentive", modalities="audio") == ["facebook/w2v-bert-2.0"]
    with pytest.raises(UsageError, match="no checkpoint is known for this segmental's speech encoder"):
        asks("segmental", speech={"model": tiny_model("hubert")})


def test_a_card_keeps_the_checkpoint_and_an_older_card_has_none() -> None:
    """The hub name is a field of the encoder's config; what is no name is refused."""
    model: Any = build("segmental", "tiny", speech="microsoft/wavlm-large")
    assert model.card_config()["speech"]["checkpoint"] == "microsoft/wavlm-large"
    assert SpeechConfig(model=tiny_model("wavlm")).checkpoint is None
    with pytest.raises(CardInvalid, match="checkpoint must be"):
        TextConfig(model=tiny_model("bert"), checkpoint=5)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_shape_agrees_with_itself_written_out(name: str) -> None:
    """A config.json with every default spelled out is the same computation, and its checkpoint is known."""
    shape = published(name)
    config = shape.text() if shape.normalise is None else shape.speech()
    made = transformers_config(config)
    again: Any = type(made).from_dict(json.loads(made.to_json_string(use_diff=False)))
    assert differences(made, again) == []
    assert config.checkpoint == name


@pytest.mark.parametrize("field", ["dtype", "torch_dtype"])
def test_the_precision_of_a_checkpoint_is_not_taken_over(field: str) -> None:
    """Parameters are float32 whatever the checkpoint was saved in."""
    model = transformers_model(TextConfig(model={**tiny_model("bert"), field: "float16"}))
    assert {p.dtype for p in model.parameters()} == {torch.float32}


@pytest.mark.parametrize(
    ("index", "said"),
    [
        ({}, "no weight_map"),
        ({"weight_map": ["a.safetensors"]}, "no weight_map"),
        ({"weight_map": {"w": 3}}, "3, which is no plain name"),
        ({"weight_map": {"w": "../model.safetensors"}}, "no plain name"),
        ({"weight_map": {"w": "a\\model.safetensors"}}, "no plain name"),
        ({"weight_map": {"w": "/model.safetensors"}}, "no plain name"),
        ({"weight_map": {"w": "weights.bin"}}, "no plain name"),
    ],
)
def test_a_broken_index_of_weights_is_said(index: dict[str, Any], said: str, tmp_path: Path) -> None:
    """Without its map, with what is no name, or with a name that leads out of the folder."""
    inner = tmp_path / "inner"
    inner.mkdir()
    saved("bert", tmp_path)
    saved("bert", inner)
    (inner / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(HeadMismatch, match=said):
        text_checkpoint(inner)


@pytest.mark.parametrize("preprocessor", [{"sampling_rate": None}, {"sampling_rate": "16000"}, {"do_normalize": None}])
def test_a_broken_preprocessor_is_said(preprocessor: dict[str, Any], tmp_path: Path) -> None:
    """A rate that is no number, a choice that is none."""
    saved("wav2vec2", tmp_path, preprocessor)
    with pytest.raises(CardInvalid, match=next(iter(preprocessor))):
        speech_checkpoint(tmp_path)
    with pytest.raises(CardInvalid, match=next(iter(preprocessor))):
        load_into(built("wav2vec2"), tmp_path)


@pytest.mark.parametrize(
    ("family", "changes"),
    [
        ("wav2vec2", {"hidden_size": "many"}),
        ("wav2vec2", {"conv_dim": []}),
        ("wav2vec2", {"conv_stride": [5]}),
        ("wav2vec2", {"conv_stride": [5, 2, 2, 2, 2, 2, 3]}),
        ("wav2vec2", {"num_attention_heads": 3}),
        ("hubert", {"hidden_act": "nothing"}),
        ("wavlm", {"num_attention_heads": 0}),
        ("wav2vec2-bert", {"conv_depthwise_kernel_size": 4}),
        ("bert", {"pad_token_id": 999}),
        ("bert", {"hidden_size": -4}),
        ("roberta", {"id2label": 5}),
        ("deberta-v2", {"pos_att_type": 7}),
        ("whisper", {"num_mel_bins": None}),
    ],
)
def test_a_config_that_builds_nothing_is_said(family: str, changes: dict[str, Any], tmp_path: Path) -> None:
    """Whatever a stranger's config.json breaks, the message names the family and the reason."""
    saved(family, tmp_path, **changes)
    with pytest.raises(CardInvalid, match=r"no .* encoder can be built from this configuration: \w+|convolutions"):
        (speech_checkpoint if family in SPEECH else text_checkpoint)(tmp_path)
