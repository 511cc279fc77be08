"""The messages of Twilio Media Streams, which Telnyx and SignalWire send nearly alike. No socket, no clock.

Twilio: https://www.twilio.com/docs/voice/media-streams/websocket-messages
Telnyx: https://developers.telnyx.com/api-reference/websockets/stream-call-media-over-websocket
SignalWire: https://developer.signalwire.com/compatibility-api/cxml/voice/stream/
"""

import base64
import binascii
from typing import Any

import msgspec

from ...protocol.errors import InvalidAudio, InvalidJson
from .calls import CallAudio, CallBegan, CallEnded, CallMessage, codec

BOTH = ("inbound", "outbound")


class Media(msgspec.Struct):
    """A chunk of sound; numbers come as strings."""

    payload: str
    track: str = "inbound"
    chunk: str | int | None = None
    timestamp: str | int | None = None


class Message(msgspec.Struct):
    """Any message; fields that are not read are ignored, and types that are not known as well."""

    event: str
    start: dict[str, Any] | None = None
    media: Media | None = None


_decoder = msgspec.json.Decoder(Message)


def read(message: str | bytes) -> CallMessage | None:
    """What a message tells; None for one that tells nothing of the sound (`connected`, `mark`, `dtmf`).

    InvalidJson or InvalidAudio when it cannot be understood, CallRefused when the stream cannot be.
    """
    if isinstance(message, bytes):
        raise InvalidAudio("a binary message: sound comes in `media` messages, as base64")
    try:
        said = _decoder.decode(message)
    except msgspec.DecodeError as error:
        raise InvalidJson(str(error)) from None
    match said.event:
        case "start":
            if said.start is None:
                raise InvalidJson("`start` has no object of that name", "start")
            return _began(said.start)
        case "media":
            if said.media is None:
                raise InvalidJson("`media` has no object of that name", "media")
            return _audio(said.media)
        case "stop":
            return CallEnded()
    return None


def _began(start: dict[str, Any]) -> CallBegan:
    """Twilio and SignalWire write `mediaFormat`, Telnyx `media_format`."""
    form = _object(start, "mediaFormat", "media_format")
    rate = form.get("sampleRate", form.get("sample_rate", 8_000))
    if not isinstance(rate, int):
        raise InvalidJson("the sample rate is no whole number", "start.mediaFormat.sampleRate")
    parameters = {
        name: value
        for name, value in _object(start, "customParameters", "custom_parameters").items()
        if isinstance(value, str)
    }
    listed = start.get("tracks", [])
    tracks = tuple(track for track in BOTH if isinstance(listed, list) and track in listed)
    names = (start.get(name) for name in ("callSid", "call_control_id", "streamSid"))
    return CallBegan(
        call=next((name for name in names if isinstance(name, str)), ""),
        codec=codec(str(form.get("encoding", "audio/x-mulaw")), rate),
        tracks=tracks or BOTH[:1],
        parameters=parameters,
    )


def _object(start: dict[str, Any], *names: str) -> dict[str, Any]:
    for name in names:
        value = start.get(name)
        if isinstance(value, dict):
            return value
        if value is not None:
            raise InvalidJson(f"`{name}` is no object", f"start.{name}")
    return {}


def _audio(media: Media) -> CallAudio:
    try:
        data = base64.b64decode(media.payload, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidAudio("the payload is not base64", "media.payload") from None
    time_ms = _number(media.timestamp, "media.timestamp")
    return CallAudio(
        media.track.removesuffix("_track"),
        data,
        _number(media.chunk, "media.chunk"),
        None if time_ms is None else time_ms / 1_000,
    )


def _number(value: str | int | None, name: str) -> int | None:
    if value is None:
        return None
    text = str(value)
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise InvalidJson(f"{text[:40]!r} is no number that is counted to", name)
    return int(text)
