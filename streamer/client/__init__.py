"""A client of `emoscope serve`: it sends audio, yields events, and resumes the session after a lost connection.

It imports neither torch nor the models. The protocol is described in `streamer/protocol.md`.
"""

from ..protocol.config import Config, VadConfig
from ..protocol.errors import (
    ConfigInvalid,
    Disconnected,
    EmoscopeError,
    InputError,
    RefusedByServer,
    ServerError,
    UnreachableServer,
    UsageError,
)
from .client import Client
from .sync_client import SyncClient

__all__ = [
    "Client",
    "Config",
    "ConfigInvalid",
    "Disconnected",
    "EmoscopeError",
    "InputError",
    "RefusedByServer",
    "ServerError",
    "SyncClient",
    "UnreachableServer",
    "UsageError",
    "VadConfig",
]
