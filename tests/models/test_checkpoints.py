"""Public checkpoints, as tiny random ones of the same layout: every weight accounted for, or an error."""

import json
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from emoscope.models.encoders import (
    SpeechConfig,
    TextConfig,
    load_into,
    speech_checkpoint,
    speech_encoder,
    text_checkpoint,
    text_encoder,
    text_tokenizer,
    tiny_model,
    tokenise,
)
from emoscope.models.encoders.config import SPEECH, TEXT, WAVEFORM
from emoscope.models.errors import CardInvalid, HeadMismatch, ModelError, NotCached, UsageError
from emoscope.models.systems import build, load_encoders

torch.set_num_threads(1)

# The class that each public checkpoint was saved from: a head of pretraining or of a task stands around the encoder.
HEADED = {
    "wav2vec2": "Wav2Vec2ForPreTraining",
    "hubert": "HubertForCTC",
    "wavlm": "WavLMForSequenceClassification",
    "wav2vec2-bert": "Wav2Vec2BertForCTC",
    "whisper": "WhisperForConditionalGeneration",
    "deberta-v2": "DebertaV2ForMaskedLM",
    "roberta": "RobertaForMaskedLM",
    "xlm-roberta": "XLMRobertaForMaskedLM",
    "bert": "BertForPreTraining",
    "distilbert": "DistilBertForMaskedLM",
}


def save(family: str, folder: Path, bare: bool = False) -> Any:
    """A tiny random checkpoint as transformers lays it out; with a head around it, or bare."""
    import transformers

    torch.manual_seed(11)
    changes = {"mask_time_prob": 0.05, "num_codevectors_per_group": 4, "vocab_size": 60}
    config = transformers.AutoConfig.for_model(**{**tiny_model(family), **changes})
    made = transformers.AutoModel.from_config(config) if bare else getattr(transformers, HEADED[family])(config)
    made.save_pretrained(folder)
    if family in SPEECH:
        preprocessor = {"sampling_rate": 16_000, "do_normalize": True}
        (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor))
    return made.eval()


def load(family: str, folder: Path) -> Any:
    encoder = (speech_checkpoint if family in SPEECH else text_checkpoint)(folder)
    return encoder.eval()


def answer(encoder: Any) -> torch.Tensor:
    if encoder.config.family in TEXT:
        out, _ = encoder(tokenise(["abc"], lambda text: [5, 6, 7]))
    else:
        generator = torch.Generator().manual_seed(3)
        audio = torch.randn(1, encoder.lookback + 20 * 320, generator=generator)
        out, _ = encoder(audio, torch.tensor([20 * 320]))
    result: torch.Tensor = out
    return result


def edit(folder: Path, change: Any) -> None:
    path = folder / "model.safetensors"
    weights = safetensors.torch.load_file(path)
    safetensors.torch.save_file({k: v.contiguous() for k, v in change(weights).items()}, path, {"format": "pt"})


@pytest.mark.parametrize("family", [*SPEECH, *TEXT])
@pytest.mark.parametrize("bare", [True, False], ids=["bare", "headed"])
def test_a_saved_checkpoint_is_loaded_weight_by_weight(family: str, bare: bool, tmp_path: Path) -> None:
    """Bare or with a head around it, the encoder's weights are the saved ones and none is left random."""
    made = save(family, tmp_path, bare)
    saved = {name.split(".", 1)[-1]: tensor for name, tensor in made.state_dict().items()} | made.state_dict()
    encoder = load(family, tmp_path)
    found = 0
    for name, tensor in encoder.model.state_dict().items():
        candidates = [saved[key] for key in (name, f"encoder.{name}", f"model.encoder.{name}") if key in saved]
        if candidates:
            assert any(torch.equal(tensor, c) for c in candidates if c.shape == tensor.shape), name
            found += 1
    assert found == len(encoder.model.state_dict()) > 0
    assert torch.equal(answer(encoder), answer(load(family, tmp_path)))
    if family in WAVEFORM:
        assert encoder.config.normalise == "window"


@pytest.mark.parametrize("family", ["wav2vec2", "wavlm", "bert"])
def test_weights_under_their_old_names_are_found(family: str, tmp_path: Path) -> None:
    """`weight_g`/`weight_v` of older checkpoints, and BERT's gamma and beta, are today's weights."""
    save(family, tmp_path)
    expected = answer(load(family, tmp_path))

    def old(weights: dict[str, Any]) -> dict[str, Any]:
        names = {
            "parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v",
            "LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta",
        }  # fmt: skip
        renamed = {}
        for name, tensor in weights.items():
            for new, before in names.items():
                name = name.replace(new, before)
            renamed[name] = tensor
        assert renamed.keys() != weights.keys()
        return renamed

    edit(tmp_path, old)
    assert torch.equal(answer(load(family, tmp_path)), expected)


@pytest.mark.parametrize("family", [*SPEECH, *TEXT])
def test_a_missing_weight_is_an_error_that_names_it(family: str, tmp_path: Path) -> None:
    """Never a random weight and a warning."""
    save(family, tmp_path, bare=True)
    name = "encoder.layers.0.final_layer_norm.weight"
    if family in TEXT:
        name = "transformer.layer.0.ffn.lin1.bias" if family == "distilbert" else "encoder.layer.1.output.dense.bias"
    edit(tmp_path, lambda weights: {k: v for k, v in weights.items() if k != name})
    with pytest.raises(HeadMismatch, match=r"final_layer_norm|lin1|output\.dense"):
        load(family, tmp_path)


def test_unexpected_and_reshaped_weights_are_named(tmp_path: Path) -> None:
    """A weight that the architecture does not have, and one of another shape, are named."""
    save("hubert", tmp_path, bare=True)
    edit(tmp_path, lambda weights: weights | {"encoder.layers.9.attention.k_proj.bias": torch.zeros(16)})
    with pytest.raises(HeadMismatch, match=r"unexpected \['encoder.layers.9"):
        load("hubert", tmp_path)
    save("hubert", tmp_path, bare=True)
    edit(tmp_path, lambda weights: weights | {"encoder.layer_norm.bias": torch.zeros(17)})
    with pytest.raises(HeadMismatch, match=r"\(17,\) instead of \(16,\)"):
        load("hubert", tmp_path)


def test_weights_in_several_files_are_put_together(tmp_path: Path) -> None:
    """A sharded checkpoint, with its index, is the same as a whole one."""
    made = save("roberta", tmp_path)
    expected = answer(load("roberta", tmp_path))
    (tmp_path / "model.safetensors").unlink()
    made.save_pretrained(tmp_path, max_shard_size="8KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    assert torch.equal(answer(load("roberta", tmp_path)), expected)


def test_pickles_and_half_written_weights_are_refused(tmp_path: Path) -> None:
    """A `.bin` is named and not read; a file cut short is said to be."""
    save("wavlm", tmp_path)
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(HeadMismatch, match="not a whole"):
        load("wavlm", tmp_path)
    path.rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(ModelError, match="pickle"):
        load("wavlm", tmp_path)


def test_a_checkpoint_for_another_sample_rate_is_refused(tmp_path: Path) -> None:
    """Its features would mean nothing at 16 kHz."""
    save("wav2vec2", tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(json.dumps({"sampling_rate": 8_000}))
    with pytest.raises(CardInvalid, match="8000 Hz"):
        load("wav2vec2", tmp_path)


def test_a_checkpoint_that_is_not_here_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a folder nor cached: how to fetch it, and which model works now. A folder without a config says so."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(NotCached, match="hf download nobody/nothing"):
        speech_checkpoint("nobody/nothing")
    with pytest.raises(CardInvalid, match=r"no config\.json"):
        speech_checkpoint(tmp_path)
    (tmp_path / "config.json").write_text("[")
    with pytest.raises(CardInvalid, match=r"config\.json"):
        text_checkpoint(tmp_path)


def test_a_checkpoints_own_tokenizer_is_used_whole(tmp_path: Path) -> None:
    """Special tokens included, nothing cut off, `tokenise` makes a batch of it; a folder without one says so."""
    from transformers import BertTokenizer

    listed = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "so", "glad"]
    BertTokenizer(vocab={word: i for i, word in enumerate(listed)}).save_pretrained(tmp_path)
    save("bert", tmp_path)
    encode = text_tokenizer(tmp_path)
    assert encode("so glad") == [2, 5, 6, 3]
    tokens = tokenise(["so " * 600, "glad", ""], encode)
    assert tokens.mask.sum(1).tolist() == [602, 3, 0]
    save("roberta", tmp_path / "bare")
    with pytest.raises(ModelError, match="tokenizer"):
        text_tokenizer(tmp_path / "bare")


def test_a_built_encoder_takes_the_weights_of_its_own_kind_alone(tmp_path: Path) -> None:
    """`load_into` gives a system's encoder its pretrained weights; another architecture's are refused."""
    save("wav2vec2", tmp_path)
    encoder = speech_encoder(SpeechConfig(model=tiny_model("wav2vec2"), normalise="window")).eval()
    load_into(encoder, tmp_path)
    assert torch.equal(answer(encoder), answer(load("wav2vec2", tmp_path)))
    with pytest.raises(HeadMismatch, match="a wav2vec2 checkpoint for a bert encoder"):
        load_into(text_encoder(TextConfig(model=tiny_model("bert"))), tmp_path)
    model: Any = build("segmental", "tiny")
    load_encoders(model, {"speech": tmp_path})
    assert torch.equal(answer(model.speech.eval()), answer(encoder))
    with pytest.raises(UsageError, match="no text encoder"):
        load_encoders(model, {"text": tmp_path})
