"""The client for plain loops: asyncio in a thread of its own."""

import asyncio
import ssl
from collections.abc import Coroutine, Iterable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from threading import Event as Flag
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Self, TypeVar

from ..protocol.config import Config
from ..protocol.errors import EmoscopeError, UsageError
from ..protocol.events import AnyEvent, SessionCreated
from .audio import Audio
from .client import Client

T = TypeVar("T")

PATIENCE_S = 0.2  # between looks at whether somebody pressed Ctrl+C, where waiting cannot be interrupted
LEAVE_S = 1.5
SETTLE_S = 0.2


class SyncClient:
    """As `Client`, without `await`. Each method may be called from any thread.

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
        give_up_s: float = 300.0,
    ) -> None:
        self._client = Client(url, config, token=token, context=context, give_up_s=give_up_s)
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="emoscope client", daemon=True)
        self._closing = Lock()

    @property
    def config(self) -> Config:
        return self._client.config

    @property
    def session(self) -> SessionCreated | None:
        """The session's first event, None while there is no session."""
        return self._client.session

    @property
    def connected(self) -> bool:
        """Audio is on its way; else it waits here."""
        return self._client.connected

    @property
    def room(self) -> bool:
        """`send` would not wait."""
        return self._client.room

    @property
    def over(self) -> bool:
        """No more events will come than those that are here."""
        return self._client.over

    @property
    def audio_s(self) -> float:
        """Audio taken by `send`, in seconds of the session's clock."""
        return self._client.audio_s

    @property
    def processed_s(self) -> float:
        """Audio that the server has answered, in seconds of the session's clock."""
        return self._client.processed_s

    def send(self, samples: Audio) -> None:
        """As `Client.send`: waits for room where the pace is `fast`."""
        self._call(self._client.send(samples))

    def flush(self) -> None:
        """End the current utterance now."""
        self._call(self._client.flush())

    def reset(self) -> None:
        """Forget context and baseline; clock and numbers go on."""
        self._call(self._client.reset())

    def enroll(self, seconds: float) -> None:
        """The next seconds of speech become the voice's baseline."""
        self._call(self._client.enroll(seconds))

    def finish(self) -> None:
        """No more audio: the events that are left come, `session.closed` last."""
        self._call(self._client.finish())

    def poll(self) -> list[AnyEvent]:
        """The events that are here, without waiting."""
        return self._client.poll()

    def raise_error(self) -> None:
        """Raise what ended the session, if something did."""
        self._client.raise_error()

    def __iter__(self) -> Iterator[AnyEvent]:
        """Events as they come, until the last one."""
        while (event := self._call(self._next())) is not None:
            yield event

    def stream(self, blocks: Iterable[Audio]) -> Iterator[AnyEvent]:
        """Send all blocks from a thread, finish, and give the events meanwhile.

        What goes wrong in `blocks` is raised after the last event: what came before it is read out first.
        """
        left = Flag()
        trouble: list[BaseException] = []
        feeder = Thread(target=self._feed, args=(blocks, left, trouble), name="emoscope audio", daemon=True)
        feeder.start()
        try:
            yield from self
        finally:
            left.set()
        if trouble:
            raise trouble[0]

    def _feed(self, blocks: Iterable[Audio], left: Flag, trouble: list[BaseException]) -> None:
        try:
            for block in blocks:
                if left.is_set():
                    return
                self.send(block)
        except BaseException as error:  # a thread's errors are its owner's to raise
            trouble.append(error)
        try:
            self.finish()
        except EmoscopeError:
            return  # it is over: iterating says why

    async def _next(self) -> AnyEvent | None:
        return await anext(self._client, None)

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run in the loop's thread and wait for the result."""
        if not self._thread.is_alive():
            work.close()
            self.raise_error()
            raise UsageError("this client is closed, or was not entered; open another")
        future: Future[T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            while True:
                try:
                    return future.result(PATIENCE_S)
                except TimeoutError:
                    if future.done():  # at this very moment, or with a timeout of its own
                        return future.result()
                except CancelledError:
                    raise UsageError("this client was closed meanwhile") from None
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
        """Leave, within two seconds. What was not finished is given up; who waits for events has seen the last."""
        with self._closing:
            if not self._thread.is_alive():
                return
            closing = asyncio.run_coroutine_threadsafe(self._shut(), self._loop)
            with suppress(TimeoutError):
                closing.result(LEAVE_S)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(LEAVE_S / 5)
            if not self._thread.is_alive():
                self._loop.close()

    async def _shut(self) -> None:
        await self._client.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:  # they have been told that it is over
            await asyncio.wait(others, timeout=SETTLE_S)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
