"""The live path's branch of the error tree, which `emoscope.models.errors` draws whole."""

from emoscope.models.errors import EmoscopeError, UsageError

__all__ = [
    "ConfigInvalid",
    "EmoscopeError",
    "InputError",
    "InvalidAudio",
    "InvalidJson",
    "ProtocolError",
    "RecordInvalid",
    "UnknownType",
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
