"""The live path: audio in, events out.

>>> from emoscope.streamer import replay
>>> finals = [event for event in replay("speech.flac") if event.type == "emotion.final"]  # doctest: +SKIP

Names are looked up on first use, so that importing this package imports neither torch nor the models.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .config import Config as Config
    from .config import VadConfig as VadConfig
    from .drive import Drive as Drive
    from .engine import BatchEngine as BatchEngine
    from .errors import ConfigInvalid as ConfigInvalid
    from .errors import EmoscopeError as EmoscopeError
    from .errors import InputError as InputError
    from .errors import RecordInvalid as RecordInvalid
    from .errors import UnreadableAudio as UnreadableAudio
    from .errors import UnusableDevice as UnusableDevice
    from .errors import UsageError as UsageError
    from .listening import listen as listen
    from .record import RecordWriter as RecordWriter
    from .record import read_record as read_record
    from .replaying import replay as replay
    from .session import Session as Session
    from .spans import speech_spans as speech_spans

_LATER = {
    "BatchEngine": "engine",
    "Config": "config",
    "ConfigInvalid": "errors",
    "Drive": "drive",
    "EmoscopeError": "errors",
    "InputError": "errors",
    "RecordInvalid": "errors",
    "RecordWriter": "record",
    "Session": "session",
    "UnreadableAudio": "errors",
    "UnusableDevice": "errors",
    "UsageError": "errors",
    "VadConfig": "config",
    "listen": "listening",
    "read_record": "record",
    "replay": "replaying",
    "speech_spans": "spans",
}

__all__ = [
    "BatchEngine",
    "Config",
    "ConfigInvalid",
    "Drive",
    "EmoscopeError",
    "InputError",
    "RecordInvalid",
    "RecordWriter",
    "Session",
    "UnreadableAudio",
    "UnusableDevice",
    "UsageError",
    "VadConfig",
    "listen",
    "read_record",
    "replay",
    "speech_spans",
]


def __getattr__(name: str) -> Any:
    if name in _LATER:
        value = getattr(import_module(f".{_LATER[name]}", __name__), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
