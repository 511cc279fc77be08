"""The messages that a client may send to a server: protocol `emoscope.v1`.

The server's messages are the events of `events`. A text frame is one JSON object with `type`, a
binary frame is audio (`audio`). This module imports neither torch nor the models.

With `channel_mode` `split` each channel is a session of its own: its events carry `channel`, its `seq` is its own, and
`last_seq` is then a list with one number a channel.
"""

from enum import IntEnum
from typing import Annotated, Any

import msgspec

from .errors import InvalidJson, UnknownType
from .events import PROTOCOL

SUBPROTOCOL = PROTOCOL
PATH = "/v1/stream"
STATUS_S = 1.0  # a status comes that often, by the wall clock

LONGEST_ECHO = 400  # characters of a message that a refusal repeats

Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
LastSeq = Count | list[Count]


class CloseCode(IntEnum):
    """Why a socket was closed."""

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


RETRIED = frozenset({1006, 1011, 1012, 1013})
"""After these a client connects again and resumes. 1012: this server goes, another one has the session."""

RENEWED = frozenset({4404, 4410})
"""After these a client opens a new session."""

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
"""Error codes after which the session goes on as if the message had not been sent."""


class ClientMessage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type"):
    """Base of what a client says in text."""

    @property
    def type(self) -> str:
        """The name on the wire."""
        return str(self.__struct_config__.tag)


class SessionUpdate(ClientMessage, frozen=True, kw_only=True, tag="session.update"):
    """Options by name, before the first audio; what is not named stays as it is. Answered by `session.updated`."""

    config: dict[str, Any]


class Flush(ClientMessage, frozen=True, kw_only=True, tag="flush"):
    """End the current utterance now; go on."""


class Reset(ClientMessage, frozen=True, kw_only=True, tag="reset"):
    """Forget context and baseline; clock and ids go on."""


class Keepalive(ClientMessage, frozen=True, kw_only=True, tag="keepalive"):
    """Still here; durable events up to `last_seq` have arrived. Answered by `status`."""

    last_seq: LastSeq = 0


class Enroll(ClientMessage, frozen=True, kw_only=True, tag="enroll"):
    """The next `seconds` of speech become the voice's baseline."""

    seconds: Annotated[float, msgspec.Meta(gt=0, le=600)]


class Finish(ClientMessage, frozen=True, kw_only=True, tag="finish"):
    """No more audio: read out what is pending, then `session.closed`."""


class SessionResume(ClientMessage, frozen=True, kw_only=True, tag="session.resume"):
    """First message on a new socket: go on with a session whose connection was lost."""

    session_id: str
    resume_token: str
    last_seq: LastSeq = 0


AnyMessage = SessionUpdate | Flush | Reset | Keepalive | Enroll | Finish | SessionResume

TYPES = tuple(str(kind.__struct_config__.tag) for kind in AnyMessage.__args__)

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyMessage] = msgspec.json.Decoder(AnyMessage)


def encode_client(message: ClientMessage) -> str:
    """A message as the text of one frame."""
    return _encoder.encode(message).decode()


def decode_client(text: str | bytes) -> AnyMessage:
    """The message of one text frame.

    InvalidJson when it is not a JSON object, or a field is missing, unknown or wrong (`param` names it); UnknownType
    when there is no such message. The values of a `config` are not judged here: see `config.checked`.
    """
    try:
        return _decoder.decode(text)
    except msgspec.ValidationError as error:
        raise _judge(_short(str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidJson(f"not a JSON object: {error}") from None
    except RecursionError:
        raise InvalidJson("not a message: nested too deeply") from None


def _short(message: str) -> str:
    """Without the middle where it is long: it repeats what was sent, which may be a megabyte."""
    half = LONGEST_ECHO // 2
    return message if len(message) <= LONGEST_ECHO else f"{message[:half]} … {message[-half:]}"


def _judge(message: str) -> InvalidJson | UnknownType:
    """What a message that is JSON, but none of ours, did wrong."""
    known = ", ".join(TYPES)
    if "`$.type`" in message or message.endswith("required field `type`"):
        return UnknownType(f"{message}; the types are {known}", "type")
    if "Object missing required field `" in message or "unknown field `" in message:
        return InvalidJson(message, message.split("field `")[1].split("`", maxsplit=1)[0])
    _, found, path = message.rpartition("`$.")
    return InvalidJson(message, path.rstrip("`") if found else None)
