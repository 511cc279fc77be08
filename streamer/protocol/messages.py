"""The messages that a client may send to a server: protocol `emoscope.v1`.

A text message is one JSON object with a `type`; a binary message is audio, see `audio`. The server answers with the
events of `events`. streamer/protocol.md describes the whole protocol.

Where `channel_mode` is `split`, each channel has a session of its own: its events carry `channel` and are numbered
apart, and `last_seq` is a list with one number for each channel.
"""

from enum import IntEnum
from typing import Annotated, Any

import msgspec

from .errors import InvalidJson, UnknownType
from .events import PROTOCOL

SUBPROTOCOL = PROTOCOL
PATH = "/v1/stream"
OBSERVE_PATH = "/v1/observe"
STATUS_S = 1.0  # wall time between two `status` events

LONGEST_ECHO = 400  # characters of a refused message that the error repeats

Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
LastSeq = Count | list[Count]


class CloseCode(IntEnum):
    """Why a websocket was closed."""

    DONE = 1000
    SHUTTING_DOWN = 1001
    TOO_LARGE = 1009
    MODEL_FAILED = 1011
    RESTARTING = 1012
    TRY_LATER = 1013
    BAD_REQUEST = 4400
    UNAUTHORISED = 4401
    UNKNOWN_SESSION = 4404
    IDLE = 4408
    TAKEN = 4409
    EXPIRED = 4410
    TOO_FAST = 4429
    SLOW_CONSUMER = 4430


RETRIED = frozenset({1006, 1011, 1012, 1013, CloseCode.IDLE})
"""After these close codes a client connects again and resumes its session.

A client sends keepalives, so `IDLE` tells it that nothing of what it sent arrived.
"""

RENEWED = frozenset({4404, 4410})
"""After these close codes a client opens a new session."""

FATAL = {
    "message_too_large": CloseCode.TOO_LARGE,
    "idle_timeout": CloseCode.IDLE,
    "session_expired": CloseCode.EXPIRED,
    "slow_consumer": CloseCode.SLOW_CONSUMER,
    "backlog_exceeded": CloseCode.TOO_FAST,
    "session_taken": CloseCode.TAKEN,
    "resume_unknown": CloseCode.UNKNOWN_SESSION,
    "model_failed": CloseCode.MODEL_FAILED,
    "shutting_down": CloseCode.SHUTTING_DOWN,
}
"""Error codes that end a connection, and the close code that follows each."""

NOT_FATAL = frozenset(
    {"invalid_json", "unknown_type", "config_invalid", "config_locked", "invalid_audio_frame", "rate_limited"}
)
"""Error codes of messages that are refused and have no effect; the session goes on."""


class ClientMessage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type"):
    """Base of the text messages of a client."""

    @property
    def type(self) -> str:
        """The message's `type` in JSON."""
        return str(self.__struct_config__.tag)


class SessionUpdate(ClientMessage, frozen=True, kw_only=True, tag="session.update"):
    """Change options before the first audio; those that are not named stay. Answered by `session.updated`."""

    config: dict[str, Any]


class Flush(ClientMessage, frozen=True, kw_only=True, tag="flush"):
    """End the current utterance now; the session goes on."""


class Reset(ClientMessage, frozen=True, kw_only=True, tag="reset"):
    """End the current utterance, and forget mood, baseline and language; clock and numbers go on."""


class Keepalive(ClientMessage, frozen=True, kw_only=True, tag="keepalive"):
    """Acknowledge the durable events up to `last_seq`, and keep an idle connection open. Answered by `status`."""

    last_seq: LastSeq = 0


class Enroll(ClientMessage, frozen=True, kw_only=True, tag="enroll"):
    """Learn the speaker's baseline from the next `seconds` of speech. Answered by `enrolled`."""

    seconds: Annotated[float, msgspec.Meta(gt=0, le=600)]


class Finish(ClientMessage, frozen=True, kw_only=True, tag="finish"):
    """No more audio: the remaining events are sent, then `session.closed`."""


class SessionResume(ClientMessage, frozen=True, kw_only=True, tag="session.resume"):
    """First message on a new connection: go on with the session whose connection was lost."""

    session_id: str
    resume_token: str
    last_seq: LastSeq = 0


AnyMessage = SessionUpdate | Flush | Reset | Keepalive | Enroll | Finish | SessionResume

TYPES = tuple(str(kind.__struct_config__.tag) for kind in AnyMessage.__args__)

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyMessage] = msgspec.json.Decoder(AnyMessage)


def encode_client(message: ClientMessage) -> str:
    """A message as JSON text."""
    return _encoder.encode(message).decode()


def decode_client(text: str | bytes) -> AnyMessage:
    """The message of one text frame of a websocket.

    InvalidJson when it is not a JSON object, or a field is missing, unknown or wrong (`param` names it); UnknownType
    when there is no such message. The values of a `config` are checked by `config.checked`.
    """
    try:
        return _decoder.decode(text)
    except msgspec.ValidationError as error:
        raise _judge(_short(str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidJson(f"the message is not a JSON object: {error}") from None
    except RecursionError:
        raise InvalidJson("the message is nested too deeply; no message has more than three levels") from None


def _short(message: str) -> str:
    """A long message without its middle: it repeats what was sent, which may be a megabyte."""
    half = LONGEST_ECHO // 2
    return message if len(message) <= LONGEST_ECHO else f"{message[:half]} … {message[-half:]}"


def _judge(message: str) -> InvalidJson | UnknownType:
    """The error of a message that is JSON but not one of the protocol."""
    known = ", ".join(TYPES)
    if "`$.type`" in message or message.endswith("required field `type`"):
        return UnknownType(f"{message}; the types are {known}", "type")
    if "Object missing required field `" in message or "unknown field `" in message:
        return InvalidJson(message, message.split("field `")[1].split("`", maxsplit=1)[0])
    _, found, path = message.rpartition("`$.")
    return InvalidJson(message, path.rstrip("`") if found else None)
