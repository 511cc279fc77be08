"""The live path: audio in, events out.

>>> from emoscope.streamer import replay
>>> finals = [event for event in replay("speech.flac") if event.type == "emotion.final"]  # doctest: +SKIP

Names are looked up on first use, so that importing this package imports neither torch nor the models.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .engine.opening import OpenedModel as OpenedModel
    from .engine.opening import open_engine as open_engine
    from .protocol.config import Config as Config
    from .protocol.config import VadConfig as VadConfig
    from .protocol.describe import describe as describe
    from .protocol.errors import ConfigInvalid as ConfigInvalid
    from .protocol.errors import EmoscopeError as EmoscopeError
    from .protocol.errors import InputError as InputError
    from .protocol.errors import RecordInvalid as RecordInvalid
    from .protocol.errors import UnreadableAudio as UnreadableAudio
    from .protocol.errors import UnusableDevice as UnusableDevice
    from .protocol.errors import UsageError as UsageError
    from .runtime.drive import Drive as Drive
    from .runtime.listen import listen as listen
    from .runtime.replay import replay as replay
    from .session.session import Session as Session
    from .session.spans import speech_spans as speech_spans
    from .sinks.record import RecordWriter as RecordWriter
    from .sinks.record import read_record as read_record

_LAZY = {
    "Config": "protocol.config",
    "ConfigInvalid": "protocol.errors",
    "Drive": "runtime.drive",
    "EmoscopeError": "protocol.errors",
    "InputError": "protocol.errors",
    "OpenedModel": "engine.opening",
    "RecordInvalid": "protocol.errors",
    "RecordWriter": "sinks.record",
    "Session": "session.session",
    "UnreadableAudio": "protocol.errors",
    "UnusableDevice": "protocol.errors",
    "UsageError": "protocol.errors",
    "VadConfig": "protocol.config",
    "describe": "protocol.describe",
    "listen": "runtime.listen",
    "open_engine": "engine.opening",
    "read_record": "sinks.record",
    "replay": "runtime.replay",
    "speech_spans": "session.spans",
}

__all__ = [
    "Config",
    "ConfigInvalid",
    "Drive",
    "EmoscopeError",
    "InputError",
    "OpenedModel",
    "RecordInvalid",
    "RecordWriter",
    "Session",
    "UnreadableAudio",
    "UnusableDevice",
    "UsageError",
    "VadConfig",
    "describe",
    "listen",
    "open_engine",
    "read_record",
    "replay",
    "speech_spans",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        value = getattr(import_module(f".{_LAZY[name]}", __name__), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
