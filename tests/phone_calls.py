"""Calls as telephone providers stream them, made of samples, for tests of the server."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from emoscope.streamer.protocol.audio import encode_audio

CHUNK = 160  # 20 ms at 8 kHz
TRACKS = ("inbound", "outbound")


def twilio_start(tracks: tuple[str, ...] = TRACKS[:1], **parameters: str) -> str:
    """Twilio's and SignalWire's first message about the call."""
    form = {"encoding": "audio/x-mulaw", "sampleRate": 8_000, "channels": 1}
    start = {
        "streamSid": "MZ1", "accountSid": "AC1", "callSid": "CA1", "tracks": list(tracks), "mediaFormat": form,
        "customParameters": parameters,
    }  # fmt: skip
    return json.dumps({"event": "start", "sequenceNumber": "1", "start": start, "streamSid": "MZ1"})


def telnyx_start(encoding: str = "PCMU", **parameters: str) -> str:
    """Telnyx's."""
    form = {"encoding": encoding, "sample_rate": 8_000, "channels": 1}
    start = {"call_control_id": "v2:T02", "media_format": form, "custom_parameters": parameters}
    return json.dumps({"event": "start", "sequence_number": "1", "stream_id": "32DE", "start": start})


def media(data: bytes, number: int, track: str = "inbound", time_ms: int | None = None) -> str:
    """One chunk."""
    stamp = 20 * (number - 1) if time_ms is None else time_ms
    body = {"track": track, "chunk": str(number), "timestamp": str(stamp), "payload": base64.b64encode(data).decode()}
    return json.dumps({"event": "media", "sequenceNumber": str(number + 1), "media": body, "streamSid": "MZ1"})


STOP = json.dumps({"event": "stop", "sequenceNumber": "9", "stop": {"callSid": "CA1"}, "streamSid": "MZ1"})
CONNECTED = json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"})


def mulaw(samples: np.ndarray) -> bytes:
    """Samples (n,) at 8 kHz as the telephone carries them."""
    return encode_audio(samples, "mulaw")


def chunks(*tracks: bytes, first: int = 1) -> Iterator[str]:
    """Media messages of one or two tracks of equal length, which take turns."""
    for place in range(0, max(map(len, tracks)), CHUNK):
        for name, data in zip(TRACKS, tracks, strict=False):
            yield media(data[place : place + CHUNK], first + place // CHUNK, name)


def call(*tracks: bytes, **parameters: str) -> list[Any]:
    """A whole call as Twilio streams it."""
    began = twilio_start(TRACKS[: len(tracks)], **parameters)
    mark = json.dumps({"event": "mark", "mark": {"name": "m"}, "streamSid": "MZ1"})
    dtmf = json.dumps({"event": "dtmf", "dtmf": {"track": "inbound_track", "digit": "1"}, "streamSid": "MZ1"})
    return [CONNECTED, began, mark, *chunks(*tracks), dtmf, STOP]
