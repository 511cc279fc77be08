"""The configuration of an encoder: transformers' own, and how the encoder is used here."""

from dataclasses import dataclass
from typing import Any, Literal

from ..errors import CardInvalid

Layer = int | Literal["last", "weighted"]
Normalise = Literal["window", "none"] | tuple[float, float]

WAVEFORM = ("wav2vec2", "hubert", "wavlm")
FILTERBANK = "wav2vec2-bert"
WHISPER = "whisper"
SPEECH = (*WAVEFORM, FILTERBANK, WHISPER)
TEXT = ("deberta-v2", "roberta", "bert", "distilbert", "xlm-roberta")


@dataclass(frozen=True, kw_only=True)
class EncoderConfig:
    """What speech and text encoders share.

    model          a checkpoint's config.json: `model_type` and every field that differs from transformers' default
    layer          which hidden states come out: "last"; i, the output of layer i (0: what the first one is given, -2:
                   the last but one); "weighted", a learned convex sum of all (Yang et al. 2021, SUPERB, section 3)
    attention      "sdpa" where the architecture has it, else what it has
    checkpointing  trade time for memory in training: layers are computed again in the backward pass
    checkpoint     hub name of the pretrained weights for this shape; None where none is known
    """

    model: dict[str, Any]
    layer: Layer = "last"
    attention: Literal["sdpa", "eager"] = "sdpa"
    checkpointing: bool = False
    checkpoint: str | None = None

    def __post_init__(self) -> None:
        if self.layer not in ("last", "weighted") and not isinstance(self.layer, int):
            raise CardInvalid(f"layer must be 'last', 'weighted' or a number; got {self.layer!r}")
        if not isinstance(self.checkpoint, str | None):
            raise CardInvalid(f"checkpoint must be a hub name or null; got {self.checkpoint!r}")

    @property
    def family(self) -> str:
        return str(self.model.get("model_type"))


@dataclass(frozen=True, kw_only=True)
class SpeechConfig(EncoderConfig):
    """A speech encoder.

    normalise      the waveform that wav2vec2, HuBERT and WavLM are given: "window" to mean 0 and variance 1 over what
                   it is handed (`do_normalize` in a checkpoint's preprocessor_config.json), "none", or a fixed
                   (mean, std). The others normalise their own mel bands, as their feature extractors do
    sample_rate    of the audio, Hz
    whisper_pad_s  Whisper alone was trained on 30 s, padded with silence; 0 hands it the window as it is, at a
                   fraction of the cost and some distance from what it was trained on
    """

    normalise: Normalise = "none"
    sample_rate: int = 16_000
    whisper_pad_s: float = 30.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.family not in SPEECH:
            raise CardInvalid(f"no speech encoder of type {self.family!r}; there are {', '.join(SPEECH)}")
        if self.sample_rate != 16_000:
            raise CardInvalid(
                f"the {self.family} encoder takes audio at {self.sample_rate} Hz; speech encoders here get 16000 Hz, "
                "so resampled features would not be those it was trained on: use a checkpoint for 16 kHz"
            )
        if isinstance(self.normalise, list):  # a card's JSON knows no tuples
            object.__setattr__(self, "normalise", tuple(self.normalise))


@dataclass(frozen=True, kw_only=True)
class TextConfig(EncoderConfig):
    """A text encoder.

    languages  of the transcripts that it learns from, such as "en": words in any other count as missing text. Empty
               where it is to read all
    """

    languages: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "languages", tuple(self.languages))  # a card's JSON knows no tuples
        if self.family not in TEXT:
            raise CardInvalid(f"no text encoder of type {self.family!r}; there are {', '.join(TEXT)}")
