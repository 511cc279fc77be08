"""Speech and text encoders: the same numbers as transformers, masks, layers, phases, shared front ends."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from emoscope.models.encoders import (
    PUBLISHED,
    SpeechConfig,
    SpeechEncoder,
    TextConfig,
    published,
    speech_encoder,
    text_encoder,
    tiny_model,
)
from emoscope.models.encoders.build import transformers_model
from emoscope.models.encoders.config import SPEECH, TEXT
from emoscope.models.errors import CardInvalid, UsageError

torch.set_num_threads(1)

LAYER_NORM = {"feat_extract_norm": "layer", "do_stable_layer_norm": True}


def speech(family: str, **changes: Any) -> SpeechEncoder:
    torch.manual_seed(1)
    model = {**tiny_model(family), **changes.pop("model", {})}
    return speech_encoder(SpeechConfig(model=model, **changes)).eval()


def voice(frames: int, encoder: SpeechEncoder, batch: int = 1, seed: int = 5) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 0.1 * torch.randn(batch, encoder.lookback + frames * encoder.frame, generator=generator)


def full(audio: Tensor, encoder: SpeechEncoder) -> Tensor:
    return torch.full((len(audio),), audio.shape[1] - encoder.lookback)


@pytest.mark.parametrize("family", ["wav2vec2", "hubert", "wavlm"])
@pytest.mark.parametrize("normalise", ["window", "none"])
@pytest.mark.parametrize("norm", [{}, LAYER_NORM], ids=["group", "layer"])
def test_waveform_encoders_give_what_transformers_gives(family: str, normalise: Any, norm: dict[str, Any]) -> None:
    """One utterance through our front and body equals the extractor and the model of transformers."""
    from transformers import Wav2Vec2FeatureExtractor

    encoder = speech(family, normalise=normalise, model=norm)
    audio = voice(30, encoder)
    extractor = Wav2Vec2FeatureExtractor(do_normalize=normalise == "window")
    values = extractor(audio[0].numpy(), sampling_rate=16_000, return_tensors="pt").input_values
    theirs = encoder.model(values.float()).last_hidden_state
    ours, mask = encoder(audio, full(audio, encoder))
    assert ours.shape == (1, 30, encoder.dim) and mask.all()
    assert torch.allclose(ours, theirs, atol=1e-4)


def test_the_filterbank_encoder_gives_what_transformers_gives() -> None:
    """W2V-BERT's mel bands, normalised and stacked, and what comes out of its conformer."""
    from transformers import SeamlessM4TFeatureExtractor

    encoder = speech("wav2vec2-bert")
    audio = voice(40, encoder)
    given = SeamlessM4TFeatureExtractor()(audio[0].numpy(), sampling_rate=16_000, return_tensors="pt")
    front = encoder.front(audio, full(audio, encoder))
    assert torch.allclose(front, given["input_features"], atol=2e-3)
    theirs = encoder.model(given["input_features"], attention_mask=given["attention_mask"]).last_hidden_state
    assert torch.allclose(encoder(audio, full(audio, encoder))[0], theirs, atol=2e-3)


def test_the_whisper_encoder_gives_what_transformers_gives() -> None:
    """Padded with silence as in its training, Whisper's frames are those of transformers."""
    from transformers import WhisperFeatureExtractor

    encoder = speech("whisper", whisper_pad_s=3.0)
    audio = voice(100, encoder)
    extractor = WhisperFeatureExtractor(feature_size=16, chunk_length=3)
    # Frame i of ours covers samples [160 i, 160 i + 400], frame j of theirs [160 j - 200, 160 j + 200]: with 120
    # samples of silence ahead, their frame i + 2 is our frame i.
    ahead = np.concatenate([np.zeros(120, np.float32), audio[0].numpy()])
    theirs = extractor(ahead, sampling_rate=16_000, return_tensors="pt").input_features
    front = encoder.front(audio, full(audio, encoder))
    ours = front.reshape(1, -1, 16)[0, :200].T
    shifted = theirs[0][:, 2:202]
    assert torch.allclose(ours[:, 2:-2], shifted[:, 2:-2], atol=1e-4)
    hidden = encoder.model(front.reshape(1, -1, 16).transpose(1, 2)).last_hidden_state
    assert torch.allclose(encoder(audio, full(audio, encoder))[0], hidden[:, :100], atol=1e-5)


@pytest.mark.parametrize(("family", "pad_s"), [*((family, 0.0) for family in SPEECH), ("whisper", 3.0)])
def test_padding_in_a_batch_changes_no_window(family: str, pad_s: float) -> None:
    """A short window beside a long one, padded with zeros, comes out as it does alone."""
    encoder = speech(family, normalise="window", whisper_pad_s=pad_s)
    audio = voice(40, encoder, batch=2)
    audio[1, encoder.lookback + 15 * encoder.frame :] = 0
    lengths = torch.tensor([40, 15]) * encoder.frame
    both, mask = encoder(audio, lengths)
    alone, _ = encoder(audio[1:, : encoder.lookback + 15 * encoder.frame], lengths[1:])
    assert mask.sum(1).tolist() == [40, 15]
    assert torch.allclose(both[1, :15], alone[0], atol=2e-5)
    assert (both[1, 15:] == 0).all()


@pytest.mark.parametrize("family", ["wav2vec2", "hubert", "wavlm"])
def test_overlapping_windows_share_their_convolutions_exactly(family: str) -> None:
    """Where each frame is normalised by itself, sharing gives what the plain way gives, window by window."""
    encoder = speech(family, normalise=(0.1, 2.0), model=LAYER_NORM)
    assert encoder.reusable
    audio = voice(60, encoder)[0]
    spans = [(0, 30), (15, 45), (30, 60), (50, 60)]
    runs = []
    original = encoder.front
    encoder.front = lambda *args: runs.append(1) or original(*args)  # type: ignore[method-assign,func-returns-value]
    shared = encoder.windows(audio, spans)
    assert len(runs) == 1
    for (first, last), ours in zip(spans, shared, strict=True):
        cut = audio[first * encoder.frame :][: encoder.lookback + (last - first) * encoder.frame][None]
        plain, _ = encoder(cut, full(cut, encoder))
        assert torch.allclose(ours, plain[0], atol=1e-5)


@pytest.mark.parametrize(
    ("model", "normalise"), [({}, "none"), (LAYER_NORM, "window"), ({}, "window")], ids=["group", "window", "both"]
)
def test_where_sharing_would_not_be_exact_each_window_is_encoded_alone(model: dict[str, Any], normalise: Any) -> None:
    """Group norm over time, or a waveform normalised per window: no sharing, and the plain answers all the same."""
    encoder = speech("wav2vec2", normalise=normalise, model=model)
    assert not encoder.reusable
    audio = voice(40, encoder)[0]
    spans = [(0, 20), (10, 30), (20, 40)]
    for (first, last), ours in zip(spans, encoder.windows(audio, spans), strict=True):
        cut = audio[first * encoder.frame :][: encoder.lookback + (last - first) * encoder.frame][None]
        assert torch.allclose(ours, encoder(cut, full(cut, encoder))[0][0], atol=1e-5)


def test_sharing_is_decided_by_the_configuration_not_the_name() -> None:
    """wav2vec2-base normalises over time; XLS-R by frame, but its checkpoint normalises the waveform per window."""
    answers = {}
    cases: list[tuple[str, dict[str, Any]]] = [
        ("facebook/wav2vec2-base", {"normalise": "none"}),
        ("facebook/wav2vec2-xls-r-300m", {}),
        ("facebook/wav2vec2-xls-r-300m", {"normalise": (-33.62, 56.15)}),
    ]
    for name, change in cases:
        config = published(name).speech(**change)
        kept = {key: value for key, value in config.model.items() if key in LAYER_NORM}
        small = replace(config, model={**tiny_model("wav2vec2"), **kept})
        answers[name, str(change)] = speech_encoder(small).reusable
    assert list(answers.values()) == [False, False, True]


@pytest.mark.parametrize("family", SPEECH)
def test_any_hidden_state_or_a_learned_sum_of_all_can_be_chosen(family: str) -> None:
    """State 0 is what the first layer is given, the last one what the model puts out; the sum starts as the mean."""
    audio = voice(20, speech(family))
    states = []
    for layer in (0, 1, 2):
        encoder = speech(family, layer=layer)
        states.append(encoder(audio, full(audio, encoder))[0])
    encoder = speech(family)
    assert torch.equal(states[2], encoder(audio, full(audio, encoder))[0])
    weighted = speech(family, layer="weighted")
    hidden, _ = weighted(audio, full(audio, weighted))
    assert torch.allclose(hidden, torch.stack(states).mean(0), atol=1e-5)
    hidden.sum().backward()
    assert weighted.hidden.weights.grad is not None


@pytest.mark.parametrize("family", [*SPEECH, *TEXT])
def test_phases_freeze_and_unfreeze(family: str) -> None:
    """Head: nothing of the encoder; upper: its top layers; transformer: all but the front; all: everything."""
    if family in SPEECH:
        encoder: Any = speech(family, layer="weighted")
    else:
        encoder = text_encoder(TextConfig(model=tiny_model(family), layer="weighted"))
    model, layers = encoder.model, encoder.layers
    own = {id(p) for p in model.parameters()}

    def trained() -> set[int]:
        return {id(p) for p in encoder.parameters() if p.requires_grad and id(p) in own}

    encoder.set_phase("head")
    assert not trained()
    encoder.set_phase("upper", 1)
    assert trained() == {id(p) for p in layers[1].parameters()}
    encoder.set_phase("transformer")
    assert {id(p) for p in layers[0].parameters()} <= trained() < own
    encoder.set_phase("all")
    assert len(trained()) >= len(own) - 1  # Whisper's sinusoids are never trained
    weights = encoder.hidden.weights if family in SPEECH else encoder.weights
    encoder.set_phase("head")
    assert weights.requires_grad
    with pytest.raises(CardInvalid, match="phase"):
        encoder.set_phase("warm")


@pytest.mark.parametrize("family", SPEECH)
def test_gradient_checkpointing_gives_the_same_gradients(family: str) -> None:
    """Computing layers again in the backward pass changes memory, not numbers, hidden states included."""
    drops = {
        "dropout": 0.0, "hidden_dropout": 0.0, "attention_dropout": 0.0, "activation_dropout": 0.0,
        "feat_proj_dropout": 0.0, "conformer_conv_dropout": 0.0,
    }  # fmt: skip
    gradients = []
    for checkpointing in (False, True):
        encoder = speech(family, layer="weighted", checkpointing=checkpointing, model=drops).train()
        audio = voice(12, encoder)
        encoder(audio, full(audio, encoder))[0].square().sum().backward()
        found = [p.grad for p in (*encoder.layers[0].parameters(), encoder.hidden.weights)]
        gradients.append([g for g in found if g is not None])
    assert len(gradients[0]) == len(gradients[1]) > 4
    for a, b in zip(*gradients, strict=True):
        assert torch.allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("family", [*SPEECH, *TEXT])
def test_attention_is_sdpa_where_the_architecture_has_it(family: str) -> None:
    """WavLM and DeBERTa have an attention of their own; the others run scaled dot product attention."""
    config: Any = SpeechConfig if family in SPEECH else TextConfig
    model = transformers_model(config(model=tiny_model(family)))
    assert model.config._attn_implementation == ("eager" if family in ("wavlm", "deberta-v2") else "sdpa")
    eager = transformers_model(config(model=tiny_model(family), attention="eager"))
    assert eager.config._attn_implementation == "eager"


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_sizes_have_their_published_parameters(name: str) -> None:
    """Counted on the meta device, from the configuration alone."""
    shape = published(name)
    with torch.device("meta"):
        model = transformers_model(shape.text() if shape.normalise is None else shape.speech())
    assert sum(p.numel() for p in model.parameters()) == shape.parameters


@pytest.mark.parametrize("family", [*SPEECH, *TEXT])
def test_tiny_encoders_have_a_few_thousand_parameters(family: str) -> None:
    """Small enough that a test of the whole system takes milliseconds."""
    config: Any = SpeechConfig if family in SPEECH else TextConfig
    assert sum(p.numel() for p in transformers_model(config(model=tiny_model(family))).parameters()) < 12_000


def test_wrong_configurations_are_said() -> None:
    """Another sample rate, an unknown architecture, a layer that is not there, audio that is no whole frame."""
    with pytest.raises(CardInvalid, match="8000 Hz"):
        SpeechConfig(model=tiny_model("wav2vec2"), sample_rate=8000)
    with pytest.raises(CardInvalid, match="bert"):
        SpeechConfig(model=tiny_model("bert"))
    with pytest.raises(CardInvalid, match="hubert"):
        TextConfig(model=tiny_model("hubert"))
    with pytest.raises(CardInvalid, match="layer 3"):
        speech("wavlm", layer=3)
    encoder = speech("hubert")
    with pytest.raises(ValueError, match="whole number"):
        encoder(voice(2, encoder)[:, :-1], torch.tensor([640]))
    with pytest.raises(UsageError, match="known"):
        published("facebook/wav2vec3")
    whisper = speech("whisper")
    with pytest.raises(CardInvalid, match="at most 3"):
        whisper(voice(151, whisper), torch.tensor([151 * 320]))
