"""Text frames of a server as events; what a later version adds is left out."""

import msgspec

from ..protocol.errors import Disconnected
from ..protocol.events import AnyEvent, Durable, decode
from ..protocol.messages import CloseCode


class Unknown(msgspec.Struct, frozen=True):
    """What any event of any version has. One with a number counts, whatever it says."""

    type: str
    seq: int | None = None
    channel: int | None = None


DURABLE = {str(kind.__struct_config__.tag) for kind in Durable.__subclasses__()}


def read(text: str | bytes) -> AnyEvent | Unknown:
    """The event, or its head when this version does not know it: an unknown type, or a new value in a known one.

    Disconnected when it is no event at all, or is one of those that must not be lost and cannot be read.
    """
    try:
        return decode(text)
    except msgspec.DecodeError as error:
        reason = str(error)
    try:
        head = msgspec.json.decode(text, type=Unknown)
    except msgspec.DecodeError:
        raise Disconnected(
            f"the server sent what is no event ({reason}); is it an emoscope server?", CloseCode.BAD_REQUEST
        ) from None
    if head.type in DURABLE:
        raise Disconnected(
            f"the server's {head.type} cannot be read ({reason}); use the same version on both sides",
            CloseCode.BAD_REQUEST,
        )
    return head
