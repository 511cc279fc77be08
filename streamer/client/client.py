"""The asyncio client: the sans-I/O core with a websocket, a clock and tasks around it."""

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
from .audio_encoding import Audio, encode_samples
from .connect import ConnectFailed, open_websocket, stream_url
from .core import ClientCore
from .event_queue import EventQueue
from .reconnect import ABNORMAL_CLOSURE, Decision, Stop

WATCHDOG_INTERVAL_S = 1.0  # how often a silent connection is checked for a timeout
CLOSED_TIMEOUT_S = 1.0  # the server closes the socket after `session.closed`; after this long the client does
CLOSE_TIMEOUT_S = 1.0


class Client:
    """Sends audio to a server and yields its events. A lost connection loses neither.

    >>> async with Client("ws://127.0.0.1:8765") as client:            # doctest: +SKIP
    ...     await client.send(samples)
    ...     await client.finish()
    ...     async for event in client:
    ...         print(event)

    url      `ws://` or `wss://`; without a path, the protocol's path is used
    config   session options. With `pace="realtime"`, `send` never waits, as for a microphone. With `pace="fast"`, it
             waits until the server has room, so that audio of any length is sent without loss
    token    the bearer token, if the server requires one
    context  TLS settings, for a certificate that the system does not trust
    reconnect_timeout_s  stop with an error after this long without a stable connection

    After a lost connection the client reconnects with back-off and resumes the session: `session.resumed` is among the
    events, and each durable event is delivered once. If the server no longer has the session, a new one begins with all
    audio whose events have not arrived: a `warning` `session_lost` says what was lost, and `session.created` follows.
    When the connection is away for longer than the audio can be kept, the oldest audio is replaced by silence, and a
    `warning` `audio_dropped` reports the stretch.

    Raises ConfigInvalid, UnreachableServer, RefusedByServer or Disconnected: from `async with`, from `send`, or from
    the iteration once all received events were delivered.
    """

    def __init__(
        self,
        url: str,
        config: Config | None = None,
        *,
        token: str | None = None,
        context: ssl.SSLContext | None = None,
        reconnect_timeout_s: float = 300.0,
    ) -> None:
        self.url = stream_url(url)
        self.config = checked(msgspec.to_builtins(config or Config()))
        self._token, self._context = token, context
        self._core = ClientCore(self.config, random.random, reconnect_timeout_s)
        self._events = EventQueue()
        # The reader, the sender, and the caller of `send` and `__aenter__` wait for these.
        self._event_arrived, self._send_wakeup, self._progressed = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._ready = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._ended = False
        self._error: Exception | None = None

    @property
    def session(self) -> SessionCreated | None:
        """The session's `session.created` event; None before the first one, and while a lost session is replaced."""
        return self._core.created

    @property
    def connected(self) -> bool:
        """The connection is ready for audio. Otherwise audio is buffered."""
        return self._core.streaming

    @property
    def ready_to_send(self) -> bool:
        """`send` would not wait."""
        buffer = self._core.buffer
        return not buffer.lossless or buffer.room > 0

    @property
    def ended(self) -> bool:
        """No more events will arrive. Those in the queue can still be read."""
        return self._ended

    @property
    def audio_s(self) -> float:
        """Audio accepted by `send`, in seconds on the session's clock."""
        return self._core.seconds(self._core.buffer.head)

    @property
    def processed_s(self) -> float:
        """Audio that the server acknowledged as processed, in seconds on the session's clock."""
        return self._core.received.processed_s

    async def send(self, samples: Audio) -> None:
        """Send samples (n,) or (n, channels), int16 or float in [-1, 1], or bytes in the config's encoding.

        Raises InputError for any other shape, type or value.
        """
        data = encode_samples(samples, self.config)
        buffer = self._core.buffer
        step = buffer.message_size * buffer.ring.frame_bytes
        for begin in range(0, len(data), step):
            while buffer.lossless and buffer.room == 0 and not self._ended:
                self._progressed.clear()
                await self._progressed.wait()
            self._refuse_if_ended()
            self._core.append(data[begin : begin + step])
            self._send_wakeup.set()
        await asyncio.sleep(0)

    async def flush(self) -> None:
        """End the current utterance now, at this sample."""
        self._command(Flush())

    async def reset(self) -> None:
        """Forget context and baseline at this sample. The clock and the sequence numbers continue."""
        self._command(Reset())

    async def enroll(self, seconds: float) -> None:
        """Use the next seconds of speech as the speaker's baseline."""
        self._command(Enroll(seconds=seconds))

    async def finish(self) -> None:
        """Say that no more audio follows. The remaining events arrive, `session.closed` last."""
        self._core.finish()
        self._send_wakeup.set()

    def poll(self) -> list[AnyEvent]:
        """The events in the queue, without waiting for more."""
        events = []
        while (event := self._events.pop()) is not None:
            events.append(event)
        return events

    def raise_error(self) -> None:
        """Raise the error that ended the session, if there was one."""
        if self._error is not None:
            raise self._error

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> AnyEvent:
        while (event := self._events.pop()) is None:
            if self._ended:
                self.raise_error()
                raise StopAsyncIteration
            self._event_arrived.clear()
            await self._event_arrived.wait()
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
        """Close the connection within about a second. A session that is not finished is abandoned."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task], timeout=2 * CLOSE_TIMEOUT_S)

    def _command(self, message: ClientMessage) -> None:
        self._refuse_if_ended()
        self._core.command(message)
        self._send_wakeup.set()

    def _refuse_if_ended(self) -> None:
        if self._ended:
            self.raise_error()
            raise UsageError("this session has ended; open another client for more audio")

    async def _run(self) -> None:
        try:
            while not isinstance(decision := await self._connection(), Stop):
                self._deliver([])
                await asyncio.sleep(decision.delay_s)
            self._error = decision.error
        except Exception as error:  # a bug in the client: raise it from the iteration instead of hanging
            self._error = error
        finally:
            self._ended = True
            self._deliver([])

    async def _connection(self) -> Decision:
        """Run one connection from opening to close; what to do next."""
        core = self._core
        try:
            socket = await open_websocket(self.url, self._token, self._context)
        except ConnectFailed as failed:
            return core.connect_failed(
                failed.error, time.monotonic(), retryable=failed.retryable, min_delay_s=failed.min_delay_s
            )
        core.connection_opened(time.monotonic())
        sender = asyncio.create_task(self._send(socket), name="emoscope client: send")
        try:
            code, reason = await self._receive(socket)
        finally:
            sender.cancel()
            try:
                async with asyncio.timeout(CLOSE_TIMEOUT_S):
                    await socket.close()
            except TimeoutError:
                socket.transport.abort()
            await asyncio.wait([sender])
        if not sender.cancelled() and (error := sender.exception()) is not None:
            raise error
        return core.connection_closed(code, reason, time.monotonic())

    async def _send(self, socket: ClientConnection) -> None:
        core = self._core
        try:
            while True:
                message = core.next_message(time.monotonic())
                if core.warnings:
                    self._deliver([])
                if message is None:
                    self._send_wakeup.clear()
                    try:
                        # Not wait_for: in Python 3.11 it can swallow a cancellation that comes with the wake-up.
                        async with asyncio.timeout(core.poll_interval_s()):
                            await self._send_wakeup.wait()
                    except TimeoutError:
                        continue
                else:
                    await socket.send(encode_client(message) if isinstance(message, ClientMessage) else message)
        except ConnectionClosed:
            return
        except Exception:
            socket.transport.abort()  # the reader ends with it: the error is raised now, and not after a timeout
            raise

    async def _receive(self, socket: ClientConnection) -> tuple[int, str]:
        """Deliver events until the connection ends; its close code and reason."""
        core = self._core
        deadline = float("inf")
        while True:
            if core.timed_out(time.monotonic()):
                socket.transport.abort()
                return ABNORMAL_CLOSURE, "no answer"
            try:
                async with asyncio.timeout(WATCHDOG_INTERVAL_S):
                    text = await socket.recv()
            except TimeoutError:
                if time.monotonic() >= deadline:
                    return 1000, ""
                continue
            except ConnectionClosed as closed:
                return (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd is not None else (ABNORMAL_CLOSURE, "")
            if isinstance(text, bytes):
                continue  # servers send no binary frames
            self._deliver(core.receive(text, time.monotonic()))
            if core.failure is not None:
                return 1000, ""
            if core.closed is not None:
                deadline = min(deadline, time.monotonic() + CLOSED_TIMEOUT_S)

    def _deliver(self, events: list[AnyEvent]) -> None:
        """Queue events for the caller, the client's own warnings first, and wake all that wait for a change."""
        warnings, self._core.warnings = self._core.warnings, []
        self._events.put([*warnings, *events])
        self._event_arrived.set()
        self._send_wakeup.set()
        self._progressed.set()
        if self._ended or self._core.streaming:
            self._ready.set()
