"""Text frames of a server as events; what a later version adds is left out."""

import msgspec

from ..errors import Disconnected
from ..events import AnyEvent, Durable, decode
from ..protocol import CloseCode


class _Head(msgspec.Struct):
    """What any event of any version has."""

    type: str
    seq: int | None = None


DURABLE = {str(kind.__struct_config__.tag) for kind in Durable.__subclasses__()}


def read(text: str | bytes) -> AnyEvent | None:
    """The event, or None for one that this version does not know: an unknown type, or a new value in a known one.

    Disconnected when it is no event at all, or is one of those that must not be lost and cannot be read.
    """
    try:
        return decode(text)
    except msgspec.DecodeError as error:
        reason = str(error)
    try:
        head = msgspec.json.decode(text, type=_Head)
    except msgspec.DecodeError:
        raise Disconnected(
            f"the server sent what is no event ({reason}); is it an emoscope server?", CloseCode.BAD_REQUEST
        ) from None
    if head.type in DURABLE:
        raise Disconnected(
            f"the server's {head.type} cannot be read ({reason}); use the same version on both sides",
            CloseCode.BAD_REQUEST,
        )
    return None
