"""A client of `emoscope serve` that loses nothing: audio out, events in, over as many connections as it takes.

It imports neither torch nor the models.
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
from .sync import SyncClient

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
