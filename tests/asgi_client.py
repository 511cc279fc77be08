"""The server's side of ASGI, in memory: what an HTTP server does with an application, as far as a test needs it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from waiting import DEADLINE_S

Message = dict[str, Any]
App = Callable[..., Awaitable[None]]


class AsgiClient:
    """One request or websocket of an application; all that it sends is in `sent`.

    holding   whether the network takes nothing at the moment: `send` waits
    confirms  whether the other side answers a closing frame
    """

    confirms = True

    def __init__(self, app: App, kind: str, path: str, query: str = "", **scope: Any) -> None:
        self.sent: list[Message] = []
        self.holding = asyncio.Event()
        self.holding.set()
        self._incoming: asyncio.Queue[Message | Exception] = asyncio.Queue()
        self._news = asyncio.Condition()
        headers = [(b"host", b"127.0.0.1:8765"), *scope.pop("headers", [])]
        whole = {"type": kind, "path": path, "query_string": query.encode(), "headers": headers, **scope}
        self._running = asyncio.ensure_future(self._run(app, whole))
        if kind == "websocket":
            self._incoming.put_nowait({"type": "websocket.connect"})

    async def _run(self, app: App, scope: Message) -> None:
        await app(scope, self._receive, self._send)
        async with self._news:
            self._news.notify_all()

    async def _receive(self) -> Message:
        message = await self._incoming.get()
        if isinstance(message, Exception):
            raise message
        return message

    async def _send(self, message: Message) -> None:
        await self.holding.wait()
        async with self._news:
            self.sent.append(message)
            self._news.notify_all()
        if message["type"] == "websocket.close" and self.confirms:
            self.disconnect(message["code"])

    def say(self, kind: str, **fields: Any) -> None:
        self._incoming.put_nowait({"type": "websocket.receive", "text": json.dumps({"type": kind, **fields})})

    def audio(self, data: bytes) -> None:
        self._incoming.put_nowait({"type": "websocket.receive", "bytes": data, "text": None})

    def disconnect(self, code: int = 1006) -> None:
        self._incoming.put_nowait({"type": "websocket.disconnect", "code": code})

    def lose(self, error: Exception) -> None:
        """The HTTP server itself is gone: `receive` raises."""
        self._incoming.put_nowait(error)

    async def over(self) -> None:
        """Until the application has returned."""
        await asyncio.wait_for(self._running, DEADLINE_S)

    async def until(self, condition: Callable[[], object]) -> None:
        async with self._news:
            await asyncio.wait_for(self._news.wait_for(condition), DEADLINE_S)

    @property
    def texts(self) -> list[bytes]:
        return [message["text"].encode() for message in self.sent if message["type"] == "websocket.send"]

    @property
    def closing(self) -> Message | None:
        return next((message for message in self.sent if message["type"] == "websocket.close"), None)
