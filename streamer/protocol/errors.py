"""The live path's branch of the error tree, which `emoscope.models.errors` draws whole."""

from emoscope.models.errors import EmoscopeError, UsageError

__all__ = [
    "ConfigInvalid",
    "Disconnected",
    "EmoscopeError",
    "InputError",
    "InvalidAudio",
    "InvalidJson",
    "ProtocolError",
    "RecordInvalid",
    "RefusedByServer",
    "ServerError",
    "UnknownType",
    "UnreachableServer",
    "UnreadableAudio",
    "UnusableDevice",
    "UsageError",
]


class InputError(EmoscopeError):
    """The audio, the file or what came with it."""


class UnreadableAudio(InputError):
    """Not audio, or broken: the message says where."""


class UnusableDevice(InputError):
    """A microphone that is not there, is busy, or went away; the message lists those that are there."""


class ConfigInvalid(InputError):
    """A session option out of range. `param` names the field."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class RecordInvalid(InputError):
    """A record or a saved session that this version cannot read."""


class ProtocolError(InputError):
    """A message that the other side of a socket cannot take. `code` is the protocol's, `param` names the field."""

    code = "invalid_json"

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class InvalidJson(ProtocolError):
    """Not a JSON object, or one with fields that are missing, unknown or wrong."""


class UnknownType(ProtocolError):
    """A `type` that the protocol does not have."""

    code = "unknown_type"


class InvalidAudio(ProtocolError):
    """A binary frame that is no audio of the agreed format."""

    code = "invalid_audio_frame"


class ServerError(EmoscopeError):
    """A server, as its client sees it."""


class UnreachableServer(ServerError):
    """No connection: nobody listens there, the name is unknown, TLS does not come about."""


class RefusedByServer(ServerError):
    """There is a server, but it does not take us: a wrong token, no room, another protocol.

    status         of HTTP, or None
    retry_after_s  when it may take us, if it said so
    """

    def __init__(self, message: str, status: int | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.status, self.retry_after_s = status, retry_after_s


class Disconnected(ServerError):
    """The server ended the session, and connecting again is of no use. `code` is the websocket's close code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code
