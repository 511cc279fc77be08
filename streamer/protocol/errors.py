"""The errors of the streamer. `emoscope.models.errors` shows the whole tree of errors."""

from emoscope.models.errors import EmoscopeError, UsageError

__all__ = [
    "ClusterError",
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
    """The input cannot be used: the audio, a file, an option or a message."""


class UnreadableAudio(InputError):
    """A file that is not audio or is damaged; the message says where."""


class UnusableDevice(InputError):
    """A microphone that does not exist, is busy, or was unplugged; the message lists the available ones."""


class DeviceLost(UnusableDevice):
    """A microphone that went away while it was heard, such as an unplugged one."""


class ConfigInvalid(InputError):
    """An option of a session that is out of range or cannot be met. `param` names the field."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class RecordInvalid(InputError):
    """A record, a saved session or a message of a worker that this version cannot read."""


class ProtocolError(InputError):
    """A message that breaks the protocol. `code` is the protocol's error code, `param` names the field."""

    code = "invalid_json"

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class InvalidJson(ProtocolError):
    """A message that is not a JSON object, or has fields that are missing, unknown or wrong."""


class UnknownType(ProtocolError):
    """A message of a `type` that the protocol does not have."""

    code = "unknown_type"


class InvalidAudio(ProtocolError):
    """A binary message that is not audio in the format of the config."""

    code = "invalid_audio_frame"


class ClusterError(EmoscopeError):
    """A Ray cluster that cannot be reached, or that cannot do what is asked of it."""


class ServerError(EmoscopeError):
    """A failure that a client has with its server."""


class UnreachableServer(ServerError):
    """No connection: no server listens there, the host name is unknown, or the TLS handshake failed."""


class RefusedByServer(ServerError):
    """The server refused the connection: a wrong token, no free place, or another protocol.

    status         HTTP status, or None
    retry_after_s  seconds after which the server may accept, if it said so
    """

    def __init__(self, message: str, status: int | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.status, self.retry_after_s = status, retry_after_s


class Disconnected(ServerError):
    """The server ended the session, and connecting again would not help. `code` is the websocket's close code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code
