"""A client's session as bytes, for whoever continues it: another connection or another server."""

import hashlib
import hmac
from typing import Annotated

import msgspec

from ..protocol.config import Config
from ..protocol.errors import RecordInvalid

VERSION = 1


class Checkpoint(msgspec.Struct, kw_only=True, array_like=True):
    """Everything that a server must know to continue a session.

    token_hash      hash of the resume token
    audio_s         audio accepted, in seconds
    channels        one saved `Session` a channel
    unacknowledged  durable events that the client has not acknowledged: channel, seq, JSON
    events_lost     some of those were discarded, because there were too many
    failures        how often in a row the model failed on this session
    owner           which holder of the session wrote this; a new name each time that it is taken out of the store
    revision        counts up with each checkpoint of an owner
    outage          name of the outage of the engine in which the newest of the failures was, "" where it was in none
    """

    version: int = VERSION
    session_id: str
    token_hash: bytes
    config: Config
    audio_s: float
    channels: list[bytes]
    unacknowledged: list[tuple[int, int, bytes]]
    events_lost: bool = False
    failures: Annotated[int, msgspec.Meta(ge=0)] = 0
    owner: str = ""
    revision: int = 0
    outage: str = ""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Checkpoint)


def pack(checkpoint: Checkpoint) -> bytes:
    """The checkpoint as MessagePack."""
    return _encoder.encode(checkpoint)


def unpack(data: bytes) -> Checkpoint:
    """The checkpoint of `pack`; RecordInvalid if the bytes are none of this version."""
    try:
        checkpoint = _decoder.decode(data)
    except msgspec.DecodeError as error:
        raise RecordInvalid(f"a stored session cannot be read: {error}") from None
    if checkpoint.version != VERSION:
        raise RecordInvalid(f"a stored session of format {checkpoint.version}; this version reads {VERSION}")
    return checkpoint


def hash_token(token: str) -> bytes:
    """What is stored of a resume token: the token is random, so a plain hash is enough."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def hashes_equal(one: bytes, other: bytes) -> bool:
    """Whether two token hashes are equal, compared in constant time."""
    return hmac.compare_digest(one, other)
