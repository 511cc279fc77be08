"""Encoders from configurations, with random weights; transformers is imported here and in `checkpoint` alone."""

from typing import Any

from ..errors import CardInvalid
from .config import FILTERBANK, WAVEFORM, WHISPER, EncoderConfig, SpeechConfig, TextConfig
from .spectral import FilterbankEncoder, WhisperSpeechEncoder
from .speech import SpeechEncoder
from .text import TextEncoder
from .waveform import WaveformEncoder

# How a checkpoint was saved, not what it is; the precision above all is chosen here, not by who saved it, and older
# configurations call it torch_dtype.
SAVED = ("model_type", "architectures", "dtype", "torch_dtype")


def _unbuildable(config: EncoderConfig, error: Exception) -> CardInvalid:
    reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
    return CardInvalid(f"no {config.family} encoder can be built from this configuration: {reason}")


def transformers_config(config: EncoderConfig) -> Any:
    """The transformers configuration of an encoder; CardInvalid says what it cannot be made of."""
    from transformers import AutoConfig

    try:
        hf = AutoConfig.for_model(config.family, **{k: v for k, v in config.model.items() if k not in SAVED})
        if config.layer != "last":
            hf.layerdrop = 0.0  # a dropped layer has no hidden state to choose
        hf.add_adapter = False  # frames of 20 ms come out, not an adapter's coarser ones
        hf.apply_spec_augment = False  # masks features at random in training: none of the systems asks for it
    except Exception as error:  # an untrusted configuration can make transformers raise anything
        raise _unbuildable(config, error) from None
    return hf


def transformers_model(config: EncoderConfig) -> Any:
    """The bare transformers model of a configuration: no pretraining heads, no decoder, no pooler."""
    from transformers import AutoModel
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    hf = transformers_config(config)
    make: Any = WhisperEncoder._from_config if config.family == WHISPER else AutoModel.from_config
    known: dict[str, Any] = {}
    if config.family in ("bert", "roberta", "xlm-roberta"):
        known["add_pooling_layer"] = False
    try:
        try:
            return make(hf, attn_implementation=config.attention, **known)
        except ValueError as error:
            if config.attention == "eager" or "attention" not in str(error):
                raise
            return make(hf, attn_implementation="eager", **known)
    except Exception as error:  # as above: sizes that do not divide, unknown activations
        raise _unbuildable(config, error) from None


def speech_encoder(config: SpeechConfig) -> SpeechEncoder:
    """A speech encoder of `config`'s architecture with random weights."""
    model = transformers_model(config)
    if config.family in WAVEFORM:
        return WaveformEncoder(config, model)
    return FilterbankEncoder(config, model) if config.family == FILTERBANK else WhisperSpeechEncoder(config, model)


def text_encoder(config: TextConfig) -> TextEncoder:
    """A text encoder of `config`'s architecture with random weights."""
    return TextEncoder(config, transformers_model(config))
