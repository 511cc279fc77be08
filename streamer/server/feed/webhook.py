"""Posts finals to a URL, in order, beside the streams and never in their way."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from ...protocol.events import AnyEvent, EmotionFinal, SessionClosed, TranscriptFinal
from ..endless import endless
from ..logs import Log
from ..metrics import Metrics
from .webhook_target import WebhookTarget

POSTED = (TranscriptFinal, EmotionFinal, SessionClosed)
"""The events that are posted."""

QUEUE = 1_000  # posts that wait; further ones are dropped
PAUSES_S = (1.0, 2.0, 4.0, 8.0)  # before each further attempt
TIMEOUT_S = 5.0  # of one attempt, from connecting until the status is read
RETRIED = frozenset({408, 425, 429})  # besides every 5xx: the receiver asks to be tried again
LONGEST_STATUS = 1_024


@dataclass(frozen=True)
class Post:
    """One event: `id` is the same at each attempt, so that a receiver can drop what comes twice."""

    id: str
    body: bytes


class PostBody(msgspec.Struct):
    """What a receiver gets."""

    session_id: str
    name: str
    event: msgspec.Raw


class Webhook:
    """At least once while the receiver answers, and in order. Belongs to one event loop.

    pauses_s   before each further attempt; after the last one the post is dropped
    timeout_s  of one attempt, whatever the receiver does
    wall       seconds since 1970, for the signature
    """

    def __init__(
        self,
        target: WebhookTarget,
        metrics: Metrics,
        log: Log,
        *,
        pauses_s: tuple[float, ...] = PAUSES_S,
        timeout_s: float = TIMEOUT_S,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._target, self._metrics, self._log = target, metrics, log
        self._pauses_s, self._timeout_s, self._wall = pauses_s, timeout_s, wall
        self._tls = target.context()
        self._queue: deque[Post] = deque()
        self._news, self._empty = asyncio.Event(), asyncio.Event()
        self._empty.set()
        self._told: set[str] = set()
        metrics.webhook_queue.set_function(lambda: len(self._queue))
        self._task = asyncio.ensure_future(endless(self._run, log, "webhook"))

    def offer(self, session_id: str, name: str, event: AnyEvent, data: bytes) -> None:
        """Queue a final; everything else is not posted. Never waits."""
        if not isinstance(event, POSTED):
            return
        if len(self._queue) >= QUEUE:
            self._dropped("the queue is full")
            return
        channel = event.channel if isinstance(event.channel, int) else 0
        body = msgspec.json.encode(PostBody(session_id, name, msgspec.Raw(data)))
        self._queue.append(Post(f"{session_id}.{channel}.{event.seq}", body))
        self._empty.clear()
        self._news.set()

    async def close(self, timeout_s: float) -> None:
        """Post what waits within that time; the rest is dropped, and counted."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._empty.wait()
        except TimeoutError:
            for _ in self._queue:
                self._dropped("the server went down first")
        self._task.cancel()

    async def _run(self) -> None:
        while True:
            await self._news.wait()
            while self._queue:
                try:
                    await self._post(self._queue[0])
                except Exception:  # a fault must not end all posts
                    self._log.broke("webhook")
                    self._dropped("a fault of the server")
                self._queue.popleft()
            self._news.clear()
            self._empty.set()

    async def _post(self, post: Post) -> None:
        """Attempt after attempt, until the receiver has it or it is given up."""
        for pause_s in (*self._pauses_s, None):
            failure, again = await self._attempt(post)
            if not failure:
                self._metrics.webhook.labels("delivered").inc()
                return
            if not again or pause_s is None:
                self._dropped(failure)
                return
            self._metrics.webhook.labels("retried").inc()
            await asyncio.sleep(pause_s)

    async def _attempt(self, post: Post) -> tuple[str, bool]:
        """What went wrong, "" when nothing did, and whether another attempt makes sense."""
        try:
            async with asyncio.timeout(self._timeout_s):
                status = await self._send(post)
        except TimeoutError:
            return "no answer in time", True
        except OSError as error:  # refused, unknown host, reset, a certificate that does not fit
            return f"no connection: {error.strerror or error}", True
        except (ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return "the answer is not HTTP", True
        if 200 <= status < 300:
            return "", False
        if 300 <= status < 400:
            return f"status {status}: a redirect is not followed; give the address that it leads to", False
        return f"status {status}", status >= 500 or status in RETRIED

    async def _send(self, post: Post) -> int:
        """The status of the response; its body is not read."""
        target = self._target
        reader, writer = await asyncio.open_connection(target.host, target.port, ssl=self._tls, limit=LONGEST_STATUS)
        try:
            writer.write(target.request(post.body, post.id, int(self._wall())))
            await writer.drain()
            protocol, status, *_ = (await reader.readuntil(b"\n")).split()
            if not protocol.startswith(b"HTTP/1."):
                raise ValueError(protocol)
            return int(status)
        finally:
            writer.transport.abort()  # a receiver that does not close must not hold the socket

    def _dropped(self, reason: str) -> None:
        """Count it; each reason is logged once, because a receiver that is down fails for every final."""
        self._metrics.webhook.labels("dropped").inc()
        if reason not in self._told and len(self._told) < QUEUE:
            self._told.add(reason)
            self._log.warning("webhook", message=f"a final was not delivered: {reason}; further ones are only counted")
