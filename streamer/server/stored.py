"""A client's session as bytes, for whoever goes on with it: another socket, another server."""

import hashlib
import hmac
from typing import Annotated

import msgspec

from ..protocol.config import Config
from ..protocol.errors import RecordInvalid

VERSION = 1


class Stored(msgspec.Struct, kw_only=True, array_like=True):
    """All that a server must know to go on with a session.

    token     hash of the resume token
    audio_s   audio accepted
    voices    one saved session a channel
    kept      durable events that the client has not acknowledged: channel, seq, JSON
    failures  how often in a row the model broke on it
    owner     who goes on with it; another name each time that it is taken out of the store
    revision  counts up with each record of an owner
    """

    version: int = VERSION
    session_id: str
    token: bytes
    config: Config
    audio_s: float
    voices: list[bytes]
    kept: list[tuple[int, int, bytes]]
    lost_events: bool = False
    failures: Annotated[int, msgspec.Meta(ge=0)] = 0
    owner: str = ""
    revision: int = 0


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Stored)


def pack(stored: Stored) -> bytes:
    """The record as MessagePack."""
    return _encoder.encode(stored)


def unpack(raw: bytes) -> Stored:
    """The record of `pack`; RecordInvalid if it is none of this version."""
    try:
        stored = _decoder.decode(raw)
    except msgspec.DecodeError as error:
        raise RecordInvalid(f"a stored session cannot be read: {error}") from None
    if stored.version != VERSION:
        raise RecordInvalid(f"a stored session of format {stored.version}; this version reads {VERSION}")
    return stored


def hashed(token: str) -> bytes:
    """What is kept of a resume token: it is random, so a plain hash is enough."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def same(one: bytes, other: bytes) -> bool:
    """Whether two token hashes are equal, in constant time."""
    return hmac.compare_digest(one, other)
