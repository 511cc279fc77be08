"""Encoders from configurations, with random weights; transformers is imported here and in `checkpoint` alone."""

from collections.abc import Mapping
from typing import Any

from ..errors import CardInvalid
from .config import FILTERBANK, WAVEFORM, WHISPER, EncoderConfig, SpeechConfig, TextConfig
from .spectral import FilterbankEncoder, WhisperSpeechEncoder
from .speech import SpeechEncoder
from .text import TextEncoder
from .waveform import WaveformEncoder


def transformers_model(config: EncoderConfig) -> Any:
    """The bare transformers model of a configuration: no pretraining heads, no decoder, no pooler."""
    from transformers import AutoConfig, AutoModel
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    fields = {key: value for key, value in config.model.items() if key not in ("model_type", "architectures", "dtype")}
    try:
        hf = AutoConfig.for_model(config.family, **fields)
    except (TypeError, ValueError) as error:
        raise CardInvalid(f"no {config.family} encoder can be built from this configuration: {error}") from None
    if config.layer != "last":
        hf.layerdrop = 0.0  # a dropped layer has no hidden state to choose
    hf.add_adapter = False  # frames of 20 ms come out, not an adapter's coarser ones
    hf.apply_spec_augment = False  # masks features at random in training: none of the systems asks for it
    make: Any = WhisperEncoder._from_config if config.family == WHISPER else AutoModel.from_config
    known: dict[str, Any] = {}
    if config.family in ("bert", "roberta", "xlm-roberta"):
        known["add_pooling_layer"] = False
    try:
        return make(hf, attn_implementation=config.attention, **known)
    except ValueError as error:
        if config.attention == "eager" or "attention" not in str(error):
            raise
        return make(hf, attn_implementation="eager", **known)


def speech_encoder(config: SpeechConfig) -> SpeechEncoder:
    """A speech encoder of `config`'s architecture with random weights."""
    model = transformers_model(config)
    if config.family in WAVEFORM:
        return WaveformEncoder(config, model)
    return FilterbankEncoder(config, model) if config.family == FILTERBANK else WhisperSpeechEncoder(config, model)


def text_encoder(config: TextConfig) -> TextEncoder:
    """A text encoder of `config`'s architecture with random weights."""
    return TextEncoder(config, transformers_model(config))


def speech_config(fields: Mapping[str, Any]) -> SpeechConfig:
    """A speech configuration out of a card."""
    return SpeechConfig(**fields)


def text_config(fields: Mapping[str, Any]) -> TextConfig:
    """A text configuration out of a card."""
    return TextConfig(**fields)
