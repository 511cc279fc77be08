"""A websocket as the server's connections use it, on the `receive` and `send` of an ASGI server."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

from ...protocol.events import Error, encode
from ...protocol.messages import CloseCode
from ...server.outbox import header_bytes
from ...server.sockets import CLOSE_TIMEOUT_S

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

ABNORMAL_CLOSURE = 1006  # the connection ended without a closing handshake (RFC 6455, section 7.4.1)
NO_CODE = 1005  # the closing frame held no code


class AsgiSocket:
    """A `ClientSocket`, after `websocket.accept` was sent.

    path       path and query of the request
    max_bytes  longest message that is read
    """

    def __init__(self, path: str, receive: Receive, send: Send, max_bytes: int) -> None:
        self.path, self._max_bytes = path, max_bytes
        self._receive, self._send = receive, send
        self.is_open, self.too_large = True, False
        self.close_code: int | None = None
        self.unsent_bytes = 0
        self._outgoing: asyncio.Queue[tuple[Message, int]] = asyncio.Queue()
        self._receiving: asyncio.Timeout | None = None
        self._writer = asyncio.ensure_future(self._write())

    async def messages(self) -> AsyncIterator[str | bytes]:
        """The client's messages until the socket is closed, by whichever side."""
        while self.is_open:
            message = await self._next()
            if message is None:
                continue
            if message["type"] == "websocket.disconnect":
                self._closed(message.get("code", NO_CODE))
                continue
            content: str | bytes = message["bytes"] if message.get("text") is None else message["text"]
            if _longer(content, self._max_bytes):
                self.too_large = True
                error = f"a message of more than {self._max_bytes} bytes"
                self.post(encode(Error(code="message_too_large", message=error, fatal=True)))
                await self.close(CloseCode.TOO_LARGE, "message too large")
                continue
            yield content

    def post(self, data: bytes) -> None:
        """Send `data` as one text message, without waiting; on a closed socket nothing happens."""
        if self.is_open:
            size = len(data) + header_bytes(len(data))
            self.unsent_bytes += size
            self._outgoing.put_nowait(({"type": "websocket.send", "text": data.decode()}, size))

    async def close(self, code: int, reason: str) -> None:
        """Send what was posted and the closing frame; the server waits for the client's."""
        if not self.is_open:
            return
        self._outgoing.put_nowait(({"type": "websocket.close", "code": int(code), "reason": reason}, 0))
        self._closed(ABNORMAL_CLOSURE)  # until the client has confirmed it: only then it has all that was posted
        await asyncio.wait([self._writer], timeout=CLOSE_TIMEOUT_S)
        self.close_code = await self._confirmed()

    async def _confirmed(self) -> int:
        """The close code that comes back; ABNORMAL_CLOSURE where none comes in time."""
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                while True:
                    message = await self._receive()
                    if message["type"] == "websocket.disconnect":
                        return int(message.get("code", NO_CODE))
        except Exception:  # whatever an ASGI server raises when it, or its proxy, is lost
            return ABNORMAL_CLOSURE

    def abort(self) -> None:
        """Send nothing more: ASGI knows no way to drop a connection but to leave it."""
        self._writer.cancel()
        self._closed(ABNORMAL_CLOSURE)

    def _closed(self, code: int) -> None:
        self.is_open, self.close_code = False, code
        if self._receiving is not None:
            self._receiving.reschedule(asyncio.get_running_loop().time())

    async def _next(self) -> Message | None:
        """The next message from the client; None when this side has closed the socket meanwhile."""
        try:
            async with asyncio.timeout(None) as self._receiving:
                return await self._receive()
        except TimeoutError:
            if self.is_open:  # it was the ASGI server's own
                self._closed(ABNORMAL_CLOSURE)
            return None
        except Exception:  # whatever an ASGI server raises when it, or its proxy, is lost
            self._closed(ABNORMAL_CLOSURE)
            return None
        finally:
            self._receiving = None

    async def _write(self) -> None:
        while True:
            message, size = await self._outgoing.get()
            try:
                await self._send(message)
            except Exception:  # the client has gone; `receive` says so too
                self._closed(ABNORMAL_CLOSURE if self.close_code is None else self.close_code)
                return
            if message["type"] == "websocket.close":
                return
            self.unsent_bytes -= size

    async def finish(self) -> None:
        """The connection is over: nothing is sent any more."""
        self._writer.cancel()
        await asyncio.wait([self._writer])


def _longer(content: str | bytes, most: int) -> bool:
    """Whether a message has more than so many bytes; a character of text is one to four of them."""
    if isinstance(content, bytes) or 4 * len(content) <= most:
        return len(content) > most
    return len(content.encode("utf-8", "surrogatepass")) > most
