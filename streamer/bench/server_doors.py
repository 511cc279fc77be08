"""The doors of the server that carry a call: a provider's messages go in, and an observer gets what is read."""

import asyncio
import base64
import json
from collections.abc import Callable

import numpy as np
import soxr
from websockets.asyncio.client import connect

from ..protocol.audio import MULAW, encode_audio
from ..protocol.events import EmotionFinal, Limits, decode
from ..protocol.messages import OBSERVE_PATH
from ..server import Server, ServerOptions, serving
from .doors import Passed, Sound, paced_blocks

TOKEN, CALL = "observer", "call"
RATE = 8_000  # of a telephone
POLL_S = 0.01
LOSSLESS = ServerOptions(
    port=0, observe_token=TOKEN, finish_s=120.0, slow_s=120.0, limits=Limits(max_backlog_s=600.0, idle_timeout_s=600.0)
)
"""However busy the machine is, nothing is late and nothing is dropped."""


def as_carried(sound: Sound) -> Sound:
    """What is left of a sound behind a telephone: 8 kHz, mu-law."""
    resampled = soxr.resample(sound.samples.astype(np.float32) / 32_768.0, sound.rate, RATE)
    return Sound(MULAW[np.frombuffer(encode_audio(resampled, "mulaw"), np.uint8)], RATE)


def read_twilio(sound: Sound, speed: float) -> Passed:
    """As Twilio Media Streams, and Telnyx and SignalWire nearly alike, send it."""
    form = {"encoding": "audio/x-mulaw", "sampleRate": RATE, "channels": 1}
    start = json.dumps({"event": "start", "start": {"callSid": CALL, "tracks": ["inbound"], "mediaFormat": form}})

    def media(block: bytes, number: int) -> str:
        payload = base64.b64encode(encode_audio(np.frombuffer(block, np.int16), "mulaw")).decode()
        chunk = {"track": "inbound", "chunk": str(number + 1), "timestamp": str(20 * number), "payload": payload}
        return json.dumps({"event": "media", "media": chunk})

    return asyncio.run(_read(as_carried(sound), speed, "/twilio", start, media))


def read_asterisk(sound: Sound, speed: float) -> Passed:
    """As Asterisk's Media WebSocket sends it, whose format here is linear at 16 kHz."""
    start = f"MEDIA_START channel_id:{CALL} format:slin{'' if sound.rate == RATE else sound.rate // 1_000}"
    return asyncio.run(_read(sound, speed, "/asterisk", start, lambda block, number: block))


async def _read(
    sound: Sound, speed: float, path: str, start: str, message: Callable[[bytes, int], str | bytes]
) -> Passed:
    async with serving(options=LOSSLESS) as server:
        address = f"ws://127.0.0.1:{server.port}"
        async with connect(address + path, compression=None) as call:
            await call.send(start)
            while server.feeds.find(CALL) is None:
                await asyncio.sleep(POLL_S)
            watching = asyncio.ensure_future(_finals(f"{address}{OBSERVE_PATH}/{CALL}?token={TOKEN}"))
            await _watched(server)
            number = 0
            async for block in paced_blocks(sound, speed):
                await call.send(message(block, number))
                number += 1
        return Passed(await watching)


async def _watched(server: Server) -> None:
    """Until the observer is there."""
    while not any(feed["observers"] for feed in server.feeds.listed()):
        await asyncio.sleep(POLL_S)


async def _finals(address: str) -> list[EmotionFinal]:
    async with connect(address, compression=None) as socket:
        events = [decode(message) async for message in socket]
    return [event for event in events if isinstance(event, EmotionFinal)]
