"""The protocol from the client's side with as little as possible in between, for tests of the server."""

import asyncio
import inspect
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import numpy as np
from waiting import DEADLINE_S
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from emoscope.streamer import Config, Session
from emoscope.streamer.protocol.audio import encode_audio
from emoscope.streamer.protocol.events import AnyEvent, Durable, Error, SessionCreated, SessionResumed, Status, decode
from emoscope.streamer.protocol.messages import SUBPROTOCOL
from emoscope.streamer.testing import CONTRACT, FakeEngine, run, silence, voice

TIMEOUT_S = DEADLINE_S

TALK = np.concatenate([silence(0.5), voice(2.4), silence(0.9), voice(1.1, 190.0, seed=2), silence(0.8)])
LONG = np.concatenate([TALK, voice(3.0, 120.0, seed=8), silence(0.9), voice(1.0, seed=9), silence(1.0)])


def as_sent(samples: np.ndarray) -> np.ndarray:
    """What arrives of samples sent as 16 bits."""
    return np.clip(np.rint(samples.astype(np.float64) * 32_768.0), -32_768, 32_767).astype(np.int16)


def alone(samples: np.ndarray, **options: object) -> list:
    """Events of the same audio without a server."""
    return run(Session(CONTRACT, Config(**options)), FakeEngine(), [as_sent(samples)])  # type: ignore[arg-type]


class Raw:
    """One socket; all that came is in `events`."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.events: list[AnyEvent] = []
        self._news = asyncio.Condition()
        self._reader = asyncio.ensure_future(self._read())
        self.over = False

    async def _read(self) -> None:
        with suppress(ConnectionClosed):
            async for message in self.socket:
                self.events.append(decode(message))
                async with self._news:
                    self._news.notify_all()
        async with self._news:
            self.over = True
            self._news.notify_all()

    async def say(self, kind: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def audio(self, samples: np.ndarray, block: int = 1_600, encoding: str = "pcm_s16le", pause_s: float = 0.0):
        for begin in range(0, len(samples), block):
            await self.socket.send(encode_audio(samples[begin : begin + block], encoding))
            await asyncio.sleep(pause_s)

    async def until(self, kind: str, count: int = 1, timeout_s: float = TIMEOUT_S) -> Any:
        """The `count`-th event of that type, once it is there."""
        async with self._news:
            await asyncio.wait_for(self._news.wait_for(lambda: len(self.of(kind)) >= count or self.over), timeout_s)
        found = self.of(kind)
        assert len(found) >= count, f"no {kind} number {count}; there were {[e.type for e in self.events]}"
        return found[count - 1]

    async def closed(self, timeout_s: float = TIMEOUT_S) -> int:
        """The close code."""
        async with self._news:
            await asyncio.wait_for(self._news.wait_for(lambda: self.over), timeout_s)
        assert self.socket.close_code is not None
        return self.socket.close_code

    def of(self, kind: str) -> list[Any]:
        return [event for event in self.events if event.type == kind]

    @property
    def errors(self) -> list[str]:
        return [event.code for event in self.events if isinstance(event, Error)]

    @property
    def created(self) -> SessionCreated:
        first = self.events[0]
        assert isinstance(first, SessionCreated)
        return first

    async def finished(self) -> list[AnyEvent]:
        """Say `finish`; all events up to the end."""
        await self.say("finish")
        assert await self.closed() == 1000
        return self.events

    async def go_on(self, first: "Raw", last_seq: int | None = None) -> SessionResumed:
        """Resume the session of `first`, with all that it has seen, on this socket."""
        seen = max((event.seq for event in lasting(first.events)), default=0) if last_seq is None else last_seq
        ticket = {"session_id": first.created.session_id, "resume_token": first.created.resume_token}
        await self.say("session.resume", **ticket, last_seq=seen)
        resumed = await self.until("session.resumed")
        assert isinstance(resumed, SessionResumed)
        return resumed

    async def until_acknowledged(self, wanted_s: float = 0.0, last_seq: int | None = None) -> float:
        """How much audio is acknowledged, once it is more than `wanted_s`; acknowledged audio is stored."""

        async def acknowledged() -> bool:
            if self.acknowledged_s > wanted_s:
                return True
            answered = len(self.of("status"))
            await self.say("keepalive", **({} if last_seq is None else {"last_seq": last_seq}))
            await self.until("status", answered + 1)
            return self.acknowledged_s > wanted_s

        await eventually(acknowledged, poll_s=0.05)  # clients that send more messages are limited
        return self.acknowledged_s

    @property
    def acknowledged_s(self) -> float:
        return max((event.processed_s for event in self.events if isinstance(event, Status)), default=0.0)

    async def cut(self) -> None:
        """Gone without a closing handshake, as when a cable is pulled."""
        self.socket.transport.abort()
        await self.closed()


@asynccontextmanager
async def raw(url: str, **options: Any) -> AsyncIterator[Raw]:
    """A connected client, after `session.created`."""
    options = {"subprotocols": [SUBPROTOCOL], "compression": None, "ping_interval": None, **options}
    async with connect(url, **options) as socket:
        client = Raw(socket)
        await client.until("session.created")
        yield client


async def eventually(condition: Callable[[], object], poll_s: float = 0.005) -> None:
    """Wait until the condition holds, which may be a coroutine function; TimeoutError if it never does."""
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            holds = condition()
            if await holds if inspect.isawaitable(holds) else holds:
                return
            await asyncio.sleep(poll_s)


def lasting(events: Sequence[AnyEvent]) -> list[Durable]:
    """Durable events alone."""
    return [event for event in events if isinstance(event, Durable)]


async def begin_together(bad: Raw, good: Raw) -> None:
    """Both begin an utterance, the first one so loudly that `virtual_server.AnswersTwice` breaks its session."""
    loud = np.clip(TALK * 30.0, -1.0, 1.0).astype(np.float32)
    for client, audio in ((bad, loud), (good, TALK)):
        await client.say("session.update", config={"pace": "fast", "interim": False, "vad": {"backend": "webrtc"}})
        await client.audio(audio[:56_000], 56_000)
        await client.until("speech.started")
