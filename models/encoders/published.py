"""The public encoders that the five systems fine-tune: their shapes, as the checkpoints' own configurations have them.

Only what differs from transformers' defaults and shapes the forward pass is listed. Dropouts and other settings of
training are transformers' defaults, not the checkpoints'. `parameters` counts what is built here, that is the encoder
without the heads of its pretraining (no quantizer, no decoder, no pooler).
"""

from dataclasses import dataclass
from typing import Any

from ..errors import UsageError
from .config import Normalise, SpeechConfig, TextConfig

_LARGE = {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096}
_BASE = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072}
_STABLE = {**_LARGE, "feat_extract_norm": "layer", "do_stable_layer_norm": True}
_DEBERTA_V3 = {
    "model_type": "deberta-v2", "vocab_size": 128_100, "type_vocab_size": 0, "layer_norm_eps": 1e-7,
    "relative_attention": True, "position_buckets": 256, "norm_rel_ebd": "layer_norm", "share_att_key": True,
    "pos_att_type": ["p2c", "c2p"], "position_biased_input": False, "max_position_embeddings": 512,
}  # fmt: skip
_ROBERTA = {
    "vocab_size": 50_265, "max_position_embeddings": 514, "type_vocab_size": 1, "layer_norm_eps": 1e-5,
}  # fmt: skip


@dataclass(frozen=True)
class Published:
    """A public encoder by its name on the hub.

    normalise   of the waveform, by its preprocessor_config.json; None for text
    parameters  in the encoder as built here
    stated      the number in its publication or model card, with or without heads
    """

    id: str
    model: dict[str, Any]
    parameters: int
    stated: str
    normalise: Normalise | None = None

    def speech(self, **changes: Any) -> SpeechConfig:
        if self.normalise is None:
            raise UsageError(f"{self.id} encodes text, not speech")
        return SpeechConfig(**{"model": self.model, "normalise": self.normalise, "checkpoint": self.id, **changes})

    def text(self, **changes: Any) -> TextConfig:
        if self.normalise is not None:
            raise UsageError(f"{self.id} encodes speech, not text")
        return TextConfig(**{"model": self.model, "checkpoint": self.id, **changes})


def _speech(id: str, parameters: int, stated: str, normalise: Normalise, **model: Any) -> Published:
    return Published(id, model, parameters, stated, normalise)


def _text(id: str, parameters: int, stated: str, **model: Any) -> Published:
    return Published(id, model, parameters, stated)


_W2V, _WHISPER = "wav2vec2", "whisper"
_ALL = [
    _speech("facebook/wav2vec2-base", 94_371_712, "95M", "window", model_type=_W2V),
    _speech("facebook/wav2vec2-xls-r-300m", 315_438_720, "300M", "window", model_type=_W2V, conv_bias=True, **_STABLE),
    _speech(
        "facebook/wav2vec2-large-xlsr-53", 315_438_720, "300M", "window", model_type=_W2V, conv_bias=True, **_STABLE
    ),
    _speech(
        "facebook/hubert-large-ll60k", 315_438_720, "316M", "window", model_type="hubert", conv_bias=True, **_STABLE
    ),
    _speech("microsoft/wavlm-base-plus", 94_381_936, "94.7M", "none", model_type="wavlm"),
    _speech("microsoft/wavlm-large", 315_453_120, "316.6M", "window", model_type="wavlm", **_STABLE),
    _speech("facebook/w2v-bert-2.0", 580_493_120, "600M", "none", model_type="wav2vec2-bert"),
    _speech(
        "openai/whisper-medium", 307_216_384, "769M with its decoder", "none", model_type=_WHISPER, d_model=1024,
        encoder_layers=24, encoder_attention_heads=16, encoder_ffn_dim=4096, decoder_layers=24,
        decoder_attention_heads=16, decoder_ffn_dim=4096,
    ),
    _speech(
        "openai/whisper-large-v3", 636_968_960, "1550M with its decoder", "none", model_type=_WHISPER, d_model=1280,
        encoder_layers=32, encoder_attention_heads=20, encoder_ffn_dim=5120, decoder_layers=32,
        decoder_attention_heads=20, decoder_ffn_dim=5120, num_mel_bins=128,
    ),
    _text("microsoft/deberta-v3-base", 183_831_552, "86M + 98M of embeddings", **_DEBERTA_V3, **_BASE),
    _text("microsoft/deberta-v3-large", 434_012_160, "304M + 131M of embeddings", **_DEBERTA_V3, **_LARGE),
    _text("FacebookAI/roberta-base", 124_055_040, "125M", model_type="roberta", **_ROBERTA),
    _text("FacebookAI/roberta-large", 354_310_144, "355M", model_type="roberta", **_ROBERTA, **_LARGE),
    _text("distilbert/distilroberta-base", 81_527_808, "82M", model_type="roberta", num_hidden_layers=6, **_ROBERTA),
    _text("google-bert/bert-large-uncased", 334_092_288, "336M", model_type="bert", **_LARGE),
    _text("dccuchile/bert-base-spanish-wwm-cased", 109_260_288, "110M", model_type="bert", vocab_size=31_002),
    _text("distilbert/distilbert-base-uncased", 66_362_880, "66M", model_type="distilbert"),
    _text(
        "FacebookAI/xlm-roberta-base", 277_453_056, "279M", model_type="xlm-roberta",
        **{**_ROBERTA, "vocab_size": 250_002},
    ),
    _text(
        "FacebookAI/xlm-roberta-large", 558_840_832, "561M", model_type="xlm-roberta",
        **{**_ROBERTA, "vocab_size": 250_002}, **_LARGE,
    ),
    _text(  # XLM-R large, its training continued on Spanish text (Lange et al. 2021): the same shape
        "llange/xlm-roberta-large-spanish", 558_840_832, "as XLM-R large", model_type="xlm-roberta",
        **{**_ROBERTA, "vocab_size": 250_002}, **_LARGE,
    ),
]  # fmt: skip
PUBLISHED: dict[str, Published] = {one.id: one for one in _ALL}


def published(id: str) -> Published:
    """The shape of a public encoder; UsageError lists the known ones."""
    if id not in PUBLISHED:
        raise UsageError(f"no published encoder {id!r}; known: {', '.join(PUBLISHED)}")
    return PUBLISHED[id]


def tiny_model(family: str) -> dict[str, Any]:
    """The same architecture with two layers of 16 and a few thousand parameters, for tests and dry runs."""
    body = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
    wave = {
        **body, "conv_dim": [8] * 7, "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2,
        "layerdrop": 0.0, "mask_time_prob": 0.0,
    }  # fmt: skip
    text = {**body, "vocab_size": 60, "max_position_embeddings": 32}
    shapes: dict[str, dict[str, Any]] = {
        "wav2vec2": wave,
        "hubert": wave,
        "wavlm": {**wave, "num_buckets": 8, "max_bucket_distance": 16},
        "wav2vec2-bert": {
            **body, "feature_projection_input_dim": 160, "conv_depthwise_kernel_size": 5, "layerdrop": 0.0,
            "left_max_position_embeddings": 4, "right_max_position_embeddings": 2, "mask_time_prob": 0.0,
        },
        "whisper": {
            "d_model": 16, "encoder_layers": 2, "encoder_attention_heads": 2, "encoder_ffn_dim": 24,
            "decoder_layers": 1, "decoder_attention_heads": 2, "decoder_ffn_dim": 24, "max_source_positions": 150,
            "vocab_size": 60, "max_target_positions": 8, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
            "decoder_start_token_id": 1, "num_mel_bins": 16,
        },
        "deberta-v2": {**_DEBERTA_V3, **text, "position_buckets": 8},
        "roberta": {**_ROBERTA, **text, "max_position_embeddings": 34},
        "xlm-roberta": {**_ROBERTA, **text, "max_position_embeddings": 34},
        "bert": text,
        "distilbert": {
            "dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 24, "vocab_size": 60, "max_position_embeddings": 32,
        },
    }  # fmt: skip
    if family not in shapes:
        raise UsageError(f"no encoder of type {family!r}; there are {', '.join(shapes)}")
    return {**shapes[family], "model_type": family}
