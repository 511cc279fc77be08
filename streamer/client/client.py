"""The client for asyncio."""

import asyncio
import random
import ssl
import time
from types import TracebackType
from typing import Self

import msgspec
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from ..protocol.config import Config, checked
from ..protocol.errors import UsageError
from ..protocol.events import AnyEvent, SessionCreated
from ..protocol.messages import ClientMessage, Enroll, Flush, Reset, encode_client
from .audio import Audio, wire
from .core import Core
from .decisions import Decision, Stop
from .dial import Refusal, address, dial
from .inbox import Inbox

LOOK_S = 1.0  # how often a connection on which nothing happens is looked at
GOODBYE_S = 1.0  # after `session.closed` the server closes; else we do
LEAVE_S = 1.0


class Client:
    """Sends audio to a server and gives its events; loses neither when the connection does.

    >>> async with Client("ws://127.0.0.1:8765") as client:            # doctest: +SKIP
    ...     await client.send(samples)
    ...     await client.finish()
    ...     async for event in client:
    ...         print(event)

    url        `ws://` or `wss://`; without a path, the protocol's
    config     session options. `pace="realtime"`: `send` never waits, as a microphone does not. `pace="fast"`: it waits
               until the server has room, and nothing is lost however long the audio
    token      what the server wants to know before it listens
    context    for TLS, where the system's authorities do not know the server
    give_up_s  after so long without a connection, stop with an error

    A connection that breaks is made anew, and the session goes on where it was: `session.resumed` is among the events,
    and each durable event comes once. When the server has forgotten the session, another one begins with all audio that
    had no answer yet: a `warning` `session_lost` says what was lost, and a `session.created` follows. Audio that had
    to wait for longer than the client keeps it is told by a `warning` `audio_dropped`, and is heard as silence.

    Raises ConfigInvalid, UnreachableServer, RefusedByServer or Disconnected: on entering, while sending, or when
    iterating has given all events that had come.
    """

    def __init__(
        self,
        url: str,
        config: Config | None = None,
        *,
        token: str | None = None,
        context: ssl.SSLContext | None = None,
        give_up_s: float = 300.0,
    ) -> None:
        self.url = address(url)
        self.config = checked(msgspec.to_builtins(config or Config()))
        self._token, self._context = token, context
        self._core = Core(self.config, random.random, give_up_s)
        self._inbox = Inbox()
        self._fresh, self._wake, self._progress = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._over = False
        self._error: Exception | None = None

    @property
    def session(self) -> SessionCreated | None:
        """The session's first event, None while there is no session."""
        return self._core.created

    @property
    def connected(self) -> bool:
        """Audio is on its way; else it waits here."""
        return self._core.streaming

    @property
    def room(self) -> bool:
        """`send` would not wait."""
        out = self._core.out
        return not out.patient or out.room > 0

    @property
    def over(self) -> bool:
        """No more events will come than those that are here."""
        return self._over

    @property
    def audio_s(self) -> float:
        """Audio taken by `send`, in seconds of the session's clock."""
        return self._core.seconds(self._core.out.head)

    @property
    def processed_s(self) -> float:
        """Audio that the server has answered, in seconds of the session's clock."""
        return self._core.received.processed_s

    async def send(self, samples: Audio) -> None:
        """Samples (n,) or (n, channels), int16 or float in [-1, 1], at the config's rate; or bytes in its encoding.

        InputError when they are none.
        """
        data = wire(samples, self.config)
        out = self._core.out
        step = out.piece * out.ring.frame_bytes
        for begin in range(0, len(data), step):
            while out.patient and out.room == 0 and not self._over:
                self._progress.clear()
                await self._progress.wait()
            self._refuse_if_over()
            self._core.append(data[begin : begin + step])
            self._wake.set()
        await asyncio.sleep(0)

    async def flush(self) -> None:
        """End the current utterance now, at this sample."""
        self._command(Flush())

    async def reset(self) -> None:
        """Forget context and baseline at this sample; clock and numbers go on."""
        self._command(Reset())

    async def enroll(self, seconds: float) -> None:
        """The next seconds of speech become the voice's baseline."""
        self._command(Enroll(seconds=seconds))

    async def finish(self) -> None:
        """No more audio: the events that are left come, `session.closed` last."""
        self._core.finish()
        self._wake.set()

    def poll(self) -> list[AnyEvent]:
        """The events that are here, without waiting."""
        events = []
        while (event := self._inbox.take()) is not None:
            events.append(event)
        return events

    def raise_error(self) -> None:
        """Raise what ended the session, if something did."""
        if self._error is not None:
            raise self._error

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> AnyEvent:
        while (event := self._inbox.take()) is None:
            if self._over:
                self.raise_error()
                raise StopAsyncIteration
            self._fresh.clear()
            await self._fresh.wait()
        return event

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="emoscope client")
        try:
            await self._ready.wait()
        except BaseException:
            await self.close()
            raise
        self.raise_error()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Leave at once, within about a second. What was not finished is given up."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task], timeout=LEAVE_S + LEAVE_S)

    def _command(self, message: ClientMessage) -> None:
        self._refuse_if_over()
        self._core.command(message)
        self._wake.set()

    def _refuse_if_over(self) -> None:
        if self._over:
            self.raise_error()
            raise UsageError("this session is over; open another client for more audio")

    async def _run(self) -> None:
        try:
            while not isinstance(decision := await self._connection(), Stop):
                self._deliver([])
                await asyncio.sleep(decision.delay_s)
            self._error = decision.error
        except Exception as error:  # a fault of ours: whoever waits for events must hear of it
            self._error = error
        finally:
            self._over = True
            self._deliver([])

    async def _connection(self) -> Decision:
        """One connection, from its beginning to its end."""
        core = self._core
        try:
            socket = await dial(self.url, self._token, self._context)
        except Refusal as refusal:
            return core.failed(refusal.error, time.monotonic(), passing=refusal.passing, wait_s=refusal.wait_s)
        core.opened(time.monotonic())
        sender = asyncio.create_task(self._send(socket), name="emoscope client: send")
        try:
            code, reason = await self._receive(socket)
        finally:
            sender.cancel()
            try:
                async with asyncio.timeout(LEAVE_S):
                    await socket.close()
            except TimeoutError:
                socket.transport.abort()
            await asyncio.wait([sender])
        if not sender.cancelled() and (error := sender.exception()) is not None:
            raise error
        return core.ended(code, reason, time.monotonic())

    async def _send(self, socket: ClientConnection) -> None:
        core = self._core
        try:
            while True:
                message = core.next(time.monotonic())
                if core.notices:
                    self._deliver([])
                if message is None:
                    self._wake.clear()
                    try:
                        # Not wait_for: in Python 3.11 it can swallow a cancellation that comes with the wake-up.
                        async with asyncio.timeout(core.look_s()):
                            await self._wake.wait()
                    except TimeoutError:
                        continue
                else:
                    await socket.send(encode_client(message) if isinstance(message, ClientMessage) else message)
        except ConnectionClosed:
            return

    async def _receive(self, socket: ClientConnection) -> tuple[int, str]:
        """Until the connection ends: its close code and reason."""
        core = self._core
        until = float("inf")
        while True:
            if core.deaf(time.monotonic()):
                socket.transport.abort()
                return 1006, "no answer"
            try:
                async with asyncio.timeout(LOOK_S):
                    text = await socket.recv()
            except TimeoutError:
                if time.monotonic() >= until:
                    return 1000, ""
                continue
            except ConnectionClosed as closed:
                return (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd is not None else (1006, "")
            if isinstance(text, bytes):
                continue  # audio is for servers
            self._deliver(core.receive(text, time.monotonic()))
            if core.fault is not None:
                return 1000, ""
            if core.closed is not None:
                until = min(until, time.monotonic() + GOODBYE_S)

    def _deliver(self, events: list[AnyEvent]) -> None:
        """Hand events on, ours first, and wake whoever waits for something to have changed."""
        notices, self._core.notices = self._core.notices, []
        self._inbox.put([*notices, *events])
        self._fresh.set()
        self._wake.set()
        self._progress.set()
        if self._over or self._core.streaming:
            self._ready.set()
