"""Many clients in one process, paced like microphones: `python -m emoscope.streamer.bench.load JSON`.

Each stream plays the same recording from another place. The lag of an interim reading is counted from the sending of
the block that holds its last detector frame until the reading has arrived.
"""

import asyncio
import json
import sys
import time
from bisect import bisect_left
from dataclasses import asdict, dataclass, field
from typing import Any

import msgspec
import numpy as np
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from ..protocol.config import SAMPLE_RATE
from ..session.vad import FRAME

STEP_S = 7.3  # how far apart two streams are in the recording
SPREAD_S = 1.0  # streams begin within so long
STATUS_LATE_S = 1.5  # two statuses further apart than this: one was missed


@dataclass
class Load:
    """What is asked for; `seconds` of each of `streams`, in blocks of `block_ms`. 0 seconds of audio: idle sockets."""

    url: str
    streams: int
    seconds: float
    block_ms: float = 100.0
    audio: str | None = None
    warm_s: float = 3.0


@dataclass
class Heard:
    """What came. `lags_ms` of interims after `warm_s`; `gaps_s`: the longest between two statuses of each client."""

    lags_ms: list[float] = field(default_factory=list)
    gaps_s: list[float] = field(default_factory=list)
    statuses: int = 0
    readings: int = 0
    finals: int = 0
    speech_s: float = 0.0
    audio_s: float = 0.0
    warnings: int = 0
    failures: int = 0
    cpu_s: float = 0.0
    wall_s: float = 0.0
    late_ms: float = 0.0


class Spoken(msgspec.Struct):
    """The few fields that are looked at."""

    type: str
    end: float | None = None
    totals: dict[str, Any] = {}


_decoder = msgspec.json.Decoder(Spoken)


async def talk(load: Load, number: int, pcm: bytes, heard: Heard, until: float) -> None:
    """One client."""
    sent_at: list[float] = []
    ends: list[float] = []
    began = time.monotonic()
    try:
        async with connect(load.url, compression=None, ping_interval=None, open_timeout=60, max_queue=None) as socket:
            listener = asyncio.ensure_future(listen(socket, heard, sent_at, ends, began + load.warm_s))
            if load.audio is None:
                while time.monotonic() < until:
                    await socket.send('{"type":"keepalive"}')
                    await asyncio.sleep(min(20.0, max(0.0, until - time.monotonic())))
            else:
                await play(load, number, pcm, heard, socket, sent_at, ends)
                await socket.send('{"type":"finish"}')
                await asyncio.wait_for(listener, 30)
            listener.cancel()
    except (OSError, ConnectionClosed, InvalidHandshake, TimeoutError):
        heard.failures += 1


async def play(
    load: Load, number: int, pcm: bytes, heard: Heard, socket: Any, sent_at: list[float], ends: list[float]
) -> None:
    """The recording from this client's place, block by block, on time."""
    block = 2 * round(SAMPLE_RATE * load.block_ms / 1e3)
    place = 2 * round(number * STEP_S * SAMPLE_RATE) % (len(pcm) - block)
    due = time.monotonic()
    for n in range(round(load.seconds * 1e3 / load.block_ms)):
        due += load.block_ms / 1e3
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        piece = pcm[place : place + block]
        place = (place + block) % (len(pcm) - block)
        now = time.monotonic()
        heard.late_ms = max(heard.late_ms, (now - due) * 1e3)
        sent_at.append(now)
        ends.append((n + 1) * load.block_ms / 1e3)
        await socket.send(piece)


async def listen(socket: Any, heard: Heard, sent_at: list[float], ends: list[float], warm: float) -> None:
    """Everything that comes, timed."""
    last: float | None = None
    longest = 0.0
    try:
        async for message in socket:
            now = time.monotonic()
            event = _decoder.decode(message)
            match event.type:
                case "emotion.interim" if event.end is not None:
                    heard.readings += 1
                    # The reading at t was made with the detector's frame that contains t.
                    place = bisect_left(ends, event.end + FRAME / SAMPLE_RATE - 1e-9)
                    if now > warm and place < len(sent_at):
                        heard.lags_ms.append((now - sent_at[place]) * 1e3)
                case "emotion.final":
                    heard.finals += 1
                case "status":
                    heard.statuses += 1
                    if last is not None:
                        longest = max(longest, now - last)
                    last = now
                case "warning":
                    heard.warnings += 1
                case "session.closed":
                    heard.speech_s += event.totals["speech_s"]
                    heard.audio_s += event.totals["audio_s"]
    finally:
        heard.gaps_s.append(longest)


async def run(load: Load) -> Heard:
    """All clients; CPU and wall time are counted from when all are connected, as far as one process can tell."""
    pcm = b""
    if load.audio is not None:
        import soundfile
        import soxr

        samples, rate = soundfile.read(load.audio, dtype="float32", always_2d=True)
        mono = soxr.resample(samples.mean(1), rate, SAMPLE_RATE)
        pcm = (np.clip(mono, -1, 1) * 32_767).astype("<i2").tobytes()
    heard = Heard()
    wall, cpu = time.monotonic(), time.process_time()
    until = wall + load.seconds + SPREAD_S
    tasks = []
    for number in range(load.streams):
        tasks.append(asyncio.ensure_future(talk(load, number, pcm, heard, until)))
        await asyncio.sleep(SPREAD_S / load.streams)
    await asyncio.gather(*tasks)
    heard.cpu_s, heard.wall_s = time.process_time() - cpu, time.monotonic() - wall
    return heard


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(run(Load(**json.loads(sys.argv[1])))))))
