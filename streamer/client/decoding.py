"""Text frames of a server decoded as events. Event types of a later protocol version are ignored."""

import msgspec

from ..protocol.errors import Disconnected
from ..protocol.events import AnyEvent, Durable, decode
from ..protocol.messages import CloseCode


class UnknownEvent(msgspec.Struct, frozen=True):
    """The fields that every version's events have. Its sequence number counts even though its content is ignored."""

    type: str
    seq: int | None = None
    channel: int | None = None


DURABLE = {str(kind.__struct_config__.tag) for kind in Durable.__subclasses__()}


def decode_event(text: str | bytes) -> AnyEvent | UnknownEvent:
    """The event of a text frame; UnknownEvent for an unknown type, or an unknown value in a known type.

    Raises Disconnected when the frame is no event at all, or when it is a durable event that cannot be decoded: those
    must not be lost.
    """
    try:
        return decode(text)
    except msgspec.DecodeError as error:
        reason = str(error)
    try:
        unknown = msgspec.json.decode(text, type=UnknownEvent)
    except msgspec.DecodeError:
        raise Disconnected(
            f"the server sent a message that is not an event ({reason}); is it an emoscope server?",
            CloseCode.BAD_REQUEST,
        ) from None
    if unknown.type in DURABLE:
        raise Disconnected(
            f"the server's {unknown.type} cannot be decoded ({reason}); use the same version on both sides",
            CloseCode.BAD_REQUEST,
        )
    return unknown
