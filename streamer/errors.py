"""The live path's branch of the error tree, which `emoscope.models.errors` draws whole."""

from emoscope.models.errors import EmoscopeError, UsageError

__all__ = [
    "ConfigInvalid",
    "EmoscopeError",
    "InputError",
    "RecordInvalid",
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
