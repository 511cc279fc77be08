"""Many simulated clients in one process, in real time: `python -m emoscope.streamer.bench.clients JSON`.

Each client plays the same recording from another position. The lag of an interim reading is the time from the sending
of the block that holds its last detector frame to the arrival of the reading.
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

STEP_S = 7.3  # distance between the positions of two clients in the recording
SPREAD_S = 1.0  # all clients connect within this time, unless told otherwise
STATUS_LATE_S = 1.5  # a longer gap between two statuses means that one was missed
KEEPALIVE_S = 20.0
OPEN_TIMEOUT_S, FINISH_TIMEOUT_S = 60.0, 30.0


@dataclass
class ClientLoad:
    """What the clients do.

    streams   number of clients
    seconds   length of the measurement
    block_ms  audio in one message
    audio     path of the recording that each client plays; None for idle connections
    warm_s    readings of the first seconds are not counted
    spread_s  all clients connect within this time
    """

    url: str
    streams: int
    seconds: float
    block_ms: float = 100.0
    audio: str | None = None
    warm_s: float = 3.0
    spread_s: float = SPREAD_S


@dataclass
class ClientTotals:
    """What all clients together sent and received.

    lags_ms          of interim readings after `warm_s`
    gaps_s           each client's longest time between two statuses
    cpu_s, wall_s    of the clients' process
    late_ms          the longest that a block was sent after it was due
    """

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


class ReceivedEvent(msgspec.Struct):
    """The few fields of an event that are counted."""

    type: str
    end: float | None = None
    totals: dict[str, Any] = {}


_decoder = msgspec.json.Decoder(ReceivedEvent)


async def run_client(load: ClientLoad, number: int, pcm: bytes, totals: ClientTotals, until: float) -> None:
    """One client: it plays its audio, or stays idle until a time on the monotonic clock."""
    sent_at: list[float] = []
    ends: list[float] = []
    began = time.monotonic()
    try:
        async with connect(
            load.url, compression=None, ping_interval=None, open_timeout=OPEN_TIMEOUT_S, max_queue=None
        ) as socket:
            receiver = asyncio.ensure_future(receive(socket, totals, sent_at, ends, began + load.warm_s))
            if load.audio is None:
                while time.monotonic() < until:
                    await socket.send('{"type":"keepalive"}')
                    await asyncio.sleep(min(KEEPALIVE_S, max(0.0, until - time.monotonic())))
            else:
                await play(load, number, pcm, totals, socket, sent_at, ends)
                await socket.send('{"type":"finish"}')
                await asyncio.wait_for(receiver, FINISH_TIMEOUT_S)
            receiver.cancel()
    except (OSError, ConnectionClosed, InvalidHandshake, TimeoutError):
        totals.failures += 1


async def play(
    load: ClientLoad,
    number: int,
    pcm: bytes,
    totals: ClientTotals,
    socket: Any,
    sent_at: list[float],
    ends: list[float],
) -> None:
    """Send the recording from this client's position, block by block, in real time.

    sent_at, ends  for each block, when it was sent on the monotonic clock, and its end in seconds of audio
    """
    block = 2 * round(SAMPLE_RATE * load.block_ms / 1e3)
    position = 2 * round(number * STEP_S * SAMPLE_RATE) % (len(pcm) - block)
    due = time.monotonic()
    for n in range(round(load.seconds * 1e3 / load.block_ms)):
        due += load.block_ms / 1e3
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        piece = pcm[position : position + block]
        position = (position + block) % (len(pcm) - block)
        now = time.monotonic()
        totals.late_ms = max(totals.late_ms, (now - due) * 1e3)
        sent_at.append(now)
        ends.append((n + 1) * load.block_ms / 1e3)
        await socket.send(piece)


async def receive(
    socket: Any, totals: ClientTotals, sent_at: list[float], ends: list[float], warm_until: float
) -> None:
    """Count and time the events of one client until the connection is closed."""
    last_status: float | None = None
    longest = 0.0
    try:
        async for message in socket:
            now = time.monotonic()
            event = _decoder.decode(message)
            match event.type:
                case "emotion.interim" if event.end is not None:
                    totals.readings += 1
                    # The reading at t was made with the detector's frame that contains t.
                    block = bisect_left(ends, event.end + FRAME / SAMPLE_RATE - 1e-9)
                    if now > warm_until and block < len(sent_at):
                        totals.lags_ms.append((now - sent_at[block]) * 1e3)
                case "emotion.final":
                    totals.finals += 1
                case "status":
                    totals.statuses += 1
                    if last_status is not None:
                        longest = max(longest, now - last_status)
                    last_status = now
                case "warning":
                    totals.warnings += 1
                case "session.closed":
                    totals.speech_s += event.totals["speech_s"]
                    totals.audio_s += event.totals["audio_s"]
    finally:
        totals.gaps_s.append(longest)


async def run(load: ClientLoad) -> ClientTotals:
    """Run all clients to their end."""
    pcm = b"" if load.audio is None else read_pcm(load.audio)
    totals = ClientTotals()
    wall, cpu = time.monotonic(), time.process_time()
    until = wall + load.seconds + load.spread_s
    tasks = []
    for number in range(load.streams):
        tasks.append(asyncio.ensure_future(run_client(load, number, pcm, totals, until)))
        await asyncio.sleep(load.spread_s / load.streams)
    await asyncio.gather(*tasks)
    totals.cpu_s, totals.wall_s = time.process_time() - cpu, time.monotonic() - wall
    return totals


def read_pcm(path: str) -> bytes:
    """A recording as 16-bit mono at 16 kHz."""
    import soundfile
    import soxr

    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = soxr.resample(samples.mean(1), rate, SAMPLE_RATE)
    pcm: bytes = (np.clip(mono, -1, 1) * 32_767).astype("<i2").tobytes()
    return pcm


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(run(ClientLoad(**json.loads(sys.argv[1])))))))
