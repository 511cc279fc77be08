"""The client for code without asyncio: the asyncio client runs in a background thread."""

import asyncio
import ssl
from collections.abc import Coroutine, Iterable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any, Self, TypeVar

from ..protocol.config import Config
from ..protocol.errors import EmoscopeError, UsageError
from ..protocol.events import AnyEvent, SessionCreated
from .audio_encoding import Audio
from .client import Client

T = TypeVar("T")

INTERRUPT_POLL_S = 0.2  # on some systems waiting cannot be interrupted, so Ctrl+C takes effect this often
CLOSE_TIMEOUT_S = 1.5
STOP_TIMEOUT_S = 0.3  # for the thread itself, after the client was closed
PENDING_TIMEOUT_S = 0.2

CLOSED_MEANWHILE = "this client was closed while the call waited; open another"


class SyncClient:
    """Like `Client`, without `await`. Every method may be called from any thread.

    >>> with SyncClient("ws://127.0.0.1:8765", Config(pace="fast")) as client:    # doctest: +SKIP
    ...     for event in client.stream(blocks):
    ...         print(event)
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
        self._client = Client(url, config, token=token, context=context, reconnect_timeout_s=reconnect_timeout_s)
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="emoscope client", daemon=True)
        self._closing = Lock()

    @property
    def config(self) -> Config:
        """The requested session options."""
        return self._client.config

    @property
    def session(self) -> SessionCreated | None:
        """The session's `session.created` event; None before the first one, and while a lost session is replaced."""
        return self._client.session

    @property
    def connected(self) -> bool:
        """The connection is ready for audio. Otherwise audio is buffered."""
        return self._client.connected

    @property
    def ready_to_send(self) -> bool:
        """`send` would not wait."""
        return self._client.ready_to_send

    @property
    def ended(self) -> bool:
        """No more events will arrive. Those in the queue can still be read."""
        return self._client.ended

    @property
    def audio_s(self) -> float:
        """Audio accepted by `send`, in seconds on the session's clock."""
        return self._client.audio_s

    @property
    def processed_s(self) -> float:
        """Audio that the server acknowledged as processed, in seconds on the session's clock."""
        return self._client.processed_s

    def send(self, samples: Audio) -> None:
        """Like `Client.send`: waits while the window is full if the pace is `fast`."""
        self._call(self._client.send(samples))

    def flush(self) -> None:
        """End the current utterance now."""
        self._call(self._client.flush())

    def reset(self) -> None:
        """Forget context and baseline at this sample. The clock and the sequence numbers continue."""
        self._call(self._client.reset())

    def enroll(self, seconds: float) -> None:
        """Use the next seconds of speech as the speaker's baseline."""
        self._call(self._client.enroll(seconds))

    def finish(self) -> None:
        """Say that no more audio follows. The remaining events arrive, `session.closed` last."""
        self._call(self._client.finish())

    def poll(self) -> list[AnyEvent]:
        """The events in the queue, without waiting for more."""
        return self._client.poll()

    def raise_error(self) -> None:
        """Raise the error that ended the session, if there was one."""
        self._client.raise_error()

    def __iter__(self) -> Iterator[AnyEvent]:
        """The events as they arrive, until the last one."""
        while (event := self._call(self._next())) is not None:
            yield event

    def stream(self, blocks: Iterable[Audio]) -> Iterator[AnyEvent]:
        """Send all blocks from a thread, finish, and yield the events meanwhile.

        An error raised by `blocks` is raised here after the last event: the audio before it is processed first.
        """
        cancelled = Event()
        errors: list[BaseException] = []
        sender = Thread(target=self._send_all, args=(blocks, cancelled, errors), name="emoscope audio", daemon=True)
        sender.start()
        try:
            yield from self
        finally:
            cancelled.set()
        if errors:
            raise errors[0]

    def _send_all(self, blocks: Iterable[Audio], cancelled: Event, errors: list[BaseException]) -> None:
        try:
            for block in blocks:
                if cancelled.is_set():
                    return
                self.send(block)
        except BaseException as error:  # raised in the caller's thread instead
            errors.append(error)
        try:
            self.finish()
        except EmoscopeError:
            return  # the session has ended; the iteration raises why

    async def _next(self) -> AnyEvent | None:
        return await anext(self._client, None)

    def _call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the background thread and wait for its result."""
        if not self._thread.is_alive():
            coroutine.close()
            self.raise_error()
            raise UsageError("this client is closed, or was not entered; open another")
        future: Future[T] = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            while True:
                alive = self._thread.is_alive()  # asked first: a result may be the last thing it gives
                try:
                    return future.result(INTERRUPT_POLL_S)
                except TimeoutError:
                    if future.done():  # it finished just now, or raised a TimeoutError itself
                        return future.result()
                    if not alive:  # the loop was stopped before it came to this call
                        coroutine.close()
                        raise UsageError(CLOSED_MEANWHILE) from None
                except CancelledError:
                    raise UsageError(CLOSED_MEANWHILE) from None
        except BaseException:
            future.cancel()
            raise

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self._call(self._client.__aenter__())
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection within two seconds. A session that is not finished is abandoned; iterations end."""
        with self._closing:
            if not self._thread.is_alive():
                return
            closing = asyncio.run_coroutine_threadsafe(self._close_client(), self._loop)
            with suppress(TimeoutError):
                closing.result(CLOSE_TIMEOUT_S)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(STOP_TIMEOUT_S)
            if not self._thread.is_alive():
                self._loop.close()

    async def _close_client(self) -> None:
        await self._client.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:  # closing woke them; let them end by themselves
            await asyncio.wait(others, timeout=PENDING_TIMEOUT_S)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
