"""The options of a session: the protocol's `config`, checked in one place for command line, websocket and Python."""

from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from .errors import ConfigInvalid

SAMPLE_RATE = 16_000
"""Samples in a second on the session's clock, whatever rate the source has."""


class VadConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the voice detector finds utterances.

    backend          `both`: an utterance begins once a network has found a voice, and goes on as webrtc detects it;
                     `webrtc`: cheap, detects every voice, and takes many other sounds for one; `silero`: the network
                     alone, which knows speech, and loses laughs and whispers
    threshold        0 to 1: 0 takes almost every sound for speech, 1 only clear speech
    min_speech_s     speech that must be heard before an utterance begins, 0.02 to 2 s; the utterance then begins where
                     that speech began
    min_silence_s    silence that ends an utterance, 0.1 to 5 s
    max_utterance_s  longest utterance, 2 to 120 s: a longer one is cut, and the next one begins at the cut
    """

    backend: Literal["webrtc", "silero", "both"] = "both"
    threshold: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.5
    min_speech_s: Annotated[float, msgspec.Meta(ge=0.02, le=2)] = 0.1
    min_silence_s: Annotated[float, msgspec.Meta(ge=0.1, le=5)] = 0.5
    max_utterance_s: Annotated[float, msgspec.Meta(ge=2, le=120)] = 20.0


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The options of one session.

    sample_rate   of the source, 8,000 to 192,000 Hz
    encoding      of the samples in binary messages of a websocket; a recording is decoded by its reader
    channels      of the source, 1 to 32
    channel_mode  `mix` averages the channels into one session; `split` gives each channel a session of its own
    pace          `realtime` for a live source: a session that falls behind leaves speech out; `fast` for a recording:
                  nothing is left out, and the sender waits
    interim       whether readings and words are sent before the utterance ends
    interval_s    speech between two interim readings, 0.1 to 10 s
    transcript    whether words are recognised; the effective config has false where no recognizer is available
    language      spoken language, as "en"; null detects it
    attention     whether readings say which stretches of audio they rest on
    baseline      whether readings are taken relative to how this speaker usually sounds: `running` learns it from every
                  utterance, `enrolled` from the calm speech that `enroll` asks for, `off` does not
    text_wait_s   how long a final reading of a live session waits for its words after the utterance has ended, 0 to
                  30 s; a recording waits for all words
    refresh_s     speech between two interim transcripts, 0.5 to 30 s
    half_life_s   age at which a moment counts half in the mood, 1 to 3,600 s
    vad           how utterances are found
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
    """The config of untrusted values, as from JSON; fields that are not given have their defaults.

    ConfigInvalid names the field in `param` ("vad.threshold"); its message says what was expected.
    """
    try:
        return msgspec.convert(values, Config)
    except msgspec.ValidationError as error:
        message = str(error)
        _, _, path = message.rpartition("`$.")
        field = path.rstrip("`") or None
        if "unknown field `" in message:
            field = message.split("unknown field `")[1].rstrip("`").split("`")[0]
        choices = _choices(field)
        raise ConfigInvalid(f"config: {message}{choices and f'; one of {choices}'}", field) from None


def _choices(path: str | None) -> str:
    """The values of a field that takes one of a few names; "" for every other field."""
    struct: Any = Config
    for name in (path or "").split("."):
        if not (isinstance(struct, type) and issubclass(struct, msgspec.Struct)):
            return ""
        struct = get_type_hints(struct).get(name)
    return ", ".join(get_args(struct)) if get_origin(struct) is Literal else ""


def allowed(struct: type[msgspec.Struct], field: str) -> str:
    """Which numbers a field takes, as a message says it: "from 0.1 to 10"."""
    [meta] = get_type_hints(struct, include_extras=True)[field].__metadata__
    return f"from {meta.ge:g} to {meta.le:g}"


def to_samples(seconds: float) -> int:
    """A duration as a number of samples on the session's clock."""
    return round(seconds * SAMPLE_RATE)
