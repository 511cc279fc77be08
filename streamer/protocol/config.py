"""What a session can be asked to do; the protocol's `config`, checked in one place."""

from typing import Annotated, Any, Literal

import msgspec

from .errors import ConfigInvalid

SAMPLE_RATE = 16_000
"""Samples in a second on the session's clock, whatever rate the source has."""


class VadConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the voice detector cuts utterances.

    backend          webrtc
    threshold        0 hears a voice in almost everything, 1 in clear speech only
    min_speech_s     voice before an utterance begins; it then counts from the voice's first frame
    min_silence_s    silence that ends an utterance
    max_utterance_s  an utterance that goes on longer is cut, and the next one begins at the cut
    """

    backend: Literal["webrtc"] = "webrtc"
    threshold: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.5
    min_speech_s: Annotated[float, msgspec.Meta(ge=0.02, le=2)] = 0.1
    min_silence_s: Annotated[float, msgspec.Meta(ge=0.1, le=5)] = 0.5
    max_utterance_s: Annotated[float, msgspec.Meta(ge=2, le=120)] = 20.0


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One session's options.

    sample_rate   of the source, Hz
    encoding      of binary audio on a wire; a recording is decoded by its reader
    channels      of the source; `channel_mode` mixes them, or gives each a session of its own
    interim       readings every `interval_s` of speech, before the utterance ends
    attention     which moments carried the reading
    transcript    what was said, where a recognizer is there; the effective config says so
    language      of the speech, as "en"; None detects it
    text_wait_s   words that come later than that after the utterance's end are not waited for
    refresh_s     words so far, after so much speech
    baseline      how this voice sounds is learnt from what it says (`running`), from a calm sample that `enroll` asks
                  for (`enrolled`), or not at all
    half_life_s   after so long, a moment counts half in the mood
    """

    sample_rate: Annotated[int, msgspec.Meta(ge=8_000, le=192_000)] = SAMPLE_RATE
    encoding: Literal["pcm_s16le", "pcm_f32le", "mulaw"] = "pcm_s16le"
    channels: Annotated[int, msgspec.Meta(ge=1, le=32)] = 1
    channel_mode: Literal["mix", "split"] = "mix"
    pace: Literal["realtime", "fast"] = "realtime"
    interim: bool = True
    interval_s: Annotated[float, msgspec.Meta(ge=0.1, le=10)] = 0.5
    transcript: bool = True
    language: str | None = None
    attention: bool = True
    baseline: Literal["off", "running", "enrolled"] = "off"
    text_wait_s: Annotated[float, msgspec.Meta(ge=0, le=30)] = 1.5
    refresh_s: Annotated[float, msgspec.Meta(ge=0.5, le=30)] = 2.0
    half_life_s: Annotated[float, msgspec.Meta(ge=1, le=3600)] = 30.0
    vad: VadConfig = msgspec.field(default_factory=VadConfig)


def checked(values: dict[str, Any]) -> Config:
    """A config from untrusted values; ConfigInvalid names the field and what was expected."""
    try:
        return msgspec.convert(values, Config)
    except msgspec.ValidationError as error:
        message = str(error)
        _, _, path = message.rpartition("`$.")
        field = path.rstrip("`") or None
        if "unknown field `" in message:
            field = message.split("unknown field `")[1].rstrip("`").split("`")[0]
        raise ConfigInvalid(f"config: {message}", field) from None


def to_samples(seconds: float) -> int:
    """Seconds as samples on the session's clock."""
    return round(seconds * SAMPLE_RATE)
