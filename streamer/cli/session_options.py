"""The options of a session on the command line and in emoscope.toml: the fields of the protocol's `Config`.

Defaults and bounds are the protocol's own. What the source decides (rate, encoding, channels, pace) is no option.
"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from cyclopts import Group, Parameter

from ..protocol.config import Config, VadConfig, allowed, checked
from ..protocol.errors import ConfigInvalid, UsageError
from .options import RecognizerOptions

SESSION = Group("Session", sort_key=5)
SPEAKER = Group("Speaker", sort_key=6)
DETECTOR = Group("Voice detector", sort_key=7)

_SESSION, _VAD = Config(), VadConfig()


@Parameter(name="*", group=SPEAKER)
@dataclass(frozen=True, kw_only=True)
class SpeakerOptions:
    """What is known and learnt of the speaker's voice."""

    baseline: Annotated[
        Literal["off", "running"], Parameter(help="learn how this voice sounds, and read relative to that")
    ] = "off"
    voice: Annotated[
        Path | None, Parameter(help="file with what is known of the voice; listen writes it", metavar="FILE")
    ] = None


@Parameter(name="*", group=DETECTOR)
@dataclass(frozen=True, kw_only=True)
class DetectorOptions:
    """How speech is told from other sounds."""

    vad: Annotated[
        Literal["both", "webrtc", "silero"],
        Parameter(
            help="voice detector: both leaves out music, rain and rooms; webrtc detects every voice and many other "
            "sounds; silero knows speech and misses laughs"
        ),
    ] = _VAD.backend
    vad_threshold: Annotated[
        float, Parameter(help="0 takes almost every sound for speech, 1 only clear speech", metavar="P")
    ] = _VAD.threshold
    min_speech_s: Annotated[float, Parameter(help="speech before an utterance begins", metavar="S")] = _VAD.min_speech_s
    min_silence_s: Annotated[float, Parameter(help="silence that ends an utterance", metavar="S")] = _VAD.min_silence_s
    max_utterance_s: Annotated[float, Parameter(help="a longer utterance is cut", metavar="S")] = _VAD.max_utterance_s

    def __post_init__(self) -> None:
        """UsageError for a value that the protocol does not allow."""
        _check(self, VadConfig, "vad")

    def config(self) -> VadConfig:
        """The detector's part of a session's config."""
        return VadConfig(
            backend=self.vad,
            threshold=self.vad_threshold,
            min_speech_s=self.min_speech_s,
            min_silence_s=self.min_silence_s,
            max_utterance_s=self.max_utterance_s,
        )


@Parameter(name="*", group=SESSION)
@dataclass(frozen=True, kw_only=True)
class SessionOptions:
    """What a session says, and when."""

    no_interim: Annotated[bool, Parameter(help="finals only")] = False
    no_attention: Annotated[bool, Parameter(help="do not say which stretches of audio a reading rests on")] = False
    interval_s: Annotated[float, Parameter(help="speech between two interim readings", metavar="S")] = (
        _SESSION.interval_s
    )
    text_wait_s: Annotated[
        float, Parameter(help="how long a live final waits for its words after the utterance", metavar="S")
    ] = _SESSION.text_wait_s
    refresh_s: Annotated[float, Parameter(help="speech between two interim transcripts", metavar="S")] = (
        _SESSION.refresh_s
    )
    half_life_s: Annotated[float, Parameter(help="age at which a moment counts half in the mood", metavar="S")] = (
        _SESSION.half_life_s
    )

    def __post_init__(self) -> None:
        """UsageError for a value that the protocol does not allow."""
        _check(self, Config)

    def config(self, pace: Literal["realtime", "fast"], detector: DetectorOptions) -> Config:
        """The config of a session, for a source that the caller describes."""
        return Config(
            pace=pace,
            interim=not self.no_interim,
            attention=not self.no_attention,
            interval_s=self.interval_s,
            text_wait_s=self.text_wait_s,
            refresh_s=self.refresh_s,
            half_life_s=self.half_life_s,
            vad=detector.config(),
        )


def session_config(
    pace: Literal["realtime", "fast"],
    *,
    session: SessionOptions,
    recognizer: RecognizerOptions,
    speaker: SpeakerOptions,
    detector: DetectorOptions,
) -> Config:
    """The config of a session that runs in this process."""
    config = session.config(pace, detector)
    return msgspec.structs.replace(config, language=recognizer.language, baseline=speaker.baseline)


def _check(options: Any, struct: type[msgspec.Struct], part: str = "") -> None:
    """UsageError for an option with the name of one of the protocol's fields, and a value that it does not allow."""
    for item in fields(options):
        name = item.name.removeprefix(f"{part}_")
        if name not in struct.__struct_fields__:
            continue
        value = getattr(options, item.name)
        try:
            checked({part: {name: value}} if part else {name: value})
        except ConfigInvalid:
            option = "--" + item.name.replace("_", "-")
            raise UsageError(f"{option} {value:g}: must be {allowed(struct, name)}") from None
