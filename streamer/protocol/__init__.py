"""The protocol `emoscope.v1`: options, events, messages and errors, which every other package of the streamer may use.

It is the public surface for programs that talk to a server or read a record: neither torch nor a model is imported.

>>> event = decode(b'{"type":"speech.started","seq":1,"utterance":1,"start":0.5}')
>>> event.start
0.5
"""

from typing import TYPE_CHECKING, Any

from .config import SAMPLE_RATE, Config, VadConfig
from .errors import (
    ConfigInvalid,
    Disconnected,
    EmoscopeError,
    InputError,
    InvalidAudio,
    InvalidJson,
    ProtocolError,
    RecordInvalid,
    RefusedByServer,
    ServerError,
    UnknownType,
    UnreachableServer,
    UnreadableAudio,
    UnusableDevice,
    UsageError,
)
from .events import (
    NOTICE,
    PROTOCOL,
    AnyEvent,
    Durable,
    EmotionFinal,
    EmotionInterim,
    Enrolled,
    Error,
    Event,
    Lag,
    Latency,
    Limits,
    ModelInfo,
    Mood,
    SessionClosed,
    SessionCreated,
    SessionResumed,
    SessionUpdated,
    Sources,
    Span,
    SpeechEnded,
    SpeechStarted,
    SpokenWord,
    Status,
    Totals,
    TranscriptFinal,
    TranscriptInterim,
    WarningEvent,
    WeighedWord,
    decode,
    encode,
    words_to_text,
)
from .messages import (
    FATAL,
    NOT_FATAL,
    PATH,
    RENEWED,
    RETRIED,
    SUBPROTOCOL,
    AnyMessage,
    ClientMessage,
    CloseCode,
    Enroll,
    Finish,
    Flush,
    Keepalive,
    Reset,
    SessionResume,
    SessionUpdate,
    decode_client,
    encode_client,
)

if TYPE_CHECKING:
    from .audio import bytes_per_sample, decode_audio, encode_audio

__all__ = [
    "FATAL",
    "NOTICE",
    "NOT_FATAL",
    "PATH",
    "PROTOCOL",
    "RENEWED",
    "RETRIED",
    "SAMPLE_RATE",
    "SUBPROTOCOL",
    "AnyEvent",
    "AnyMessage",
    "ClientMessage",
    "CloseCode",
    "Config",
    "ConfigInvalid",
    "Disconnected",
    "Durable",
    "EmoscopeError",
    "EmotionFinal",
    "EmotionInterim",
    "Enroll",
    "Enrolled",
    "Error",
    "Event",
    "Finish",
    "Flush",
    "InputError",
    "InvalidAudio",
    "InvalidJson",
    "Keepalive",
    "Lag",
    "Latency",
    "Limits",
    "ModelInfo",
    "Mood",
    "ProtocolError",
    "RecordInvalid",
    "RefusedByServer",
    "Reset",
    "ServerError",
    "SessionClosed",
    "SessionCreated",
    "SessionResume",
    "SessionResumed",
    "SessionUpdate",
    "SessionUpdated",
    "Sources",
    "Span",
    "SpeechEnded",
    "SpeechStarted",
    "SpokenWord",
    "Status",
    "Totals",
    "TranscriptFinal",
    "TranscriptInterim",
    "UnknownType",
    "UnreachableServer",
    "UnreadableAudio",
    "UnusableDevice",
    "UsageError",
    "VadConfig",
    "WarningEvent",
    "WeighedWord",
    "bytes_per_sample",
    "decode",
    "decode_audio",
    "decode_client",
    "encode",
    "encode_audio",
    "encode_client",
    "words_to_text",
]


def __getattr__(name: str) -> Any:
    """The functions of `audio`, imported on first use: they need numpy, which the command line's help should not."""
    if name in ("bytes_per_sample", "decode_audio", "encode_audio"):
        from . import audio

        return getattr(audio, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
