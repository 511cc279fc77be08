"""The messages of Asterisk's Media WebSocket (`chan_websocket`). No socket, no clock.

https://docs.asterisk.org/Configuration/Channel-Drivers/WebSocket/: sound comes in binary messages, and text messages
are events, in JSON or in plain text ("MEDIA_START channel:... format:ulaw ..."). The end is that of the socket.
"""

import re
from typing import Any

import msgspec

from ...protocol.errors import InvalidJson
from .calls import CallAudio, CallBegan, CallMessage, CallRefused, codec

TRACK = "inbound"
RATES = {"ulaw": 8_000, "alaw": 8_000, "slin": 8_000}


def read(message: str | bytes) -> CallMessage | None:
    """What a message tells; None for one that tells nothing of the sound. InvalidJson, CallRefused."""
    if isinstance(message, bytes):
        return CallAudio(TRACK, message)
    fields = _json(message) if message.lstrip().startswith("{") else _plain(message)
    if fields.get("event") != "MEDIA_START":
        return None
    form = str(fields.get("format", ""))
    names = (fields.get(name) for name in ("channel_id", "connection_id", "channel"))
    variables = fields.get("channel_variables")
    return CallBegan(
        call=next((name for name in names if isinstance(name, str) and name), ""),
        codec=codec("slin" if form.startswith("slin") else form, _rate(form)),
        tracks=(TRACK,),
        parameters={name: value for name, value in variables.items() if isinstance(value, str)}
        if isinstance(variables, dict)
        else {},
    )


def _json(message: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(message, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise InvalidJson(str(error)) from None


def _plain(message: str) -> dict[str, Any]:
    event, *fields = message.split() or [""]
    return {"event": event, **{name: value for name, _, value in (field.partition(":") for field in fields)}}


def _rate(form: str) -> int:
    """The rate in Hz of a format: `slin16` has 16 kHz, `slin44` 44.1."""
    if form in RATES:
        return RATES[form]
    if found := re.fullmatch(r"slin(12|16|24|32|44|48)", form):
        return 44_100 if found[1] == "44" else 1_000 * int(found[1])
    raise CallRefused(f"the channel's format is {form[:40]!r}; dial with ulaw, alaw or slin, slin16 ... slin48")
