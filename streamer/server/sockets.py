"""How a socket of the server behaves: below the protocol's messages, and in the order in which they are read."""

import asyncio
import contextlib
import socket as sockets
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from websockets.asyncio.server import Server as SocketServer
from websockets.asyncio.server import ServerConnection, broadcast
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode as WireCode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from ..protocol.errors import UsageError
from ..protocol.events import Error, encode
from ..protocol.messages import SUBPROTOCOL
from ..runtime.product import product
from .client_socket import ClientSocket
from .options import ServerOptions

SEND_BUFFER = 65_536  # bytes that the kernel holds; a small buffer shows soon that a client does not read
READ_BYTES = 65_536  # read at once: all frames in it are parsed before other clients have their turn
SUBPROTOCOLS = [Subprotocol(SUBPROTOCOL), Subprotocol("media")]  # "media" is what Asterisk's sockets are set up with
CLOSE_TIMEOUT_S = 3.0
TLS_TIMEOUT_S = 10.0  # of a handshake, as long as a request may take
NO_HEADERS = Headers()
MESSAGES_PER_TURN = 32  # of one client, audio included, after which the other clients have their turn


class Socket(ServerConnection):
    """A `ClientSocket` of the websockets library.

    It sends `message_too_large` before the closing frame, so that the client learns what was wrong.

    on_lost  is called when the TCP connection is over
    """

    def __init__(self, protocol: ServerProtocol, server: SocketServer, **options: Any) -> None:
        super().__init__(protocol, server, **options)
        self.too_large, self._aborted = False, False
        self.on_lost: Callable[[], object] = lambda: None
        fail = protocol.fail

        def fail_with_message(code: int, reason: str = "") -> None:
            if code == WireCode.MESSAGE_TOO_BIG and protocol.state is State.OPEN:
                self.too_large = True
                # websockets 15 has the older name.
                limit = getattr(protocol, "max_message_size", getattr(protocol, "max_size", None))
                message = f"a message of more than {limit} bytes"
                protocol.send_text(encode(Error(code="message_too_large", message=message, fatal=True)))
            fail(code, reason)

        protocol.fail = fail_with_message  # type: ignore[method-assign]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        raw = transport.get_extra_info("socket")
        if raw is not None:
            with contextlib.suppress(OSError):
                raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_SNDBUF, SEND_BUFFER)
        if hasattr(transport, "max_size"):
            transport.max_size = READ_BYTES
        super().connection_made(transport)
        if self._aborted:
            self.transport.abort()

    def forget_headers(self) -> None:
        """Let go of the handshake's headers, some 3 kB that nobody reads any more. The library asks for a request."""
        assert self.request is not None
        self.request, self.response = Request(self.request.path, NO_HEADERS), None

    def connection_lost(self, exc: Exception | None) -> None:
        try:
            super().connection_lost(exc)
        finally:
            self.on_lost()

    @property
    def path(self) -> str:
        return "" if self.request is None else self.request.path

    @property
    def is_open(self) -> bool:
        return self.state is State.OPEN

    @property
    def unsent_bytes(self) -> int:
        return self.transport.get_write_buffer_size()

    async def messages(self) -> AsyncIterator[str | bytes]:
        with contextlib.suppress(ConnectionClosed):
            async for message in self:
                yield message

    def post(self, data: bytes) -> None:
        broadcast([self], data.decode())

    def abort(self) -> None:
        self._aborted = True
        # A socket whose TLS handshake is not over has no transport yet.
        if (transport := getattr(self, "transport", None)) is not None:
            transport.abort()


async def other_clients_turn() -> None:
    """Let the event loop serve the other clients once."""
    await asyncio.sleep(0)


async def read_messages(socket: ClientSocket) -> AsyncIterator[str | bytes]:
    """A client's messages until its socket is closed, by whichever side.

    Messages that have arrived already are read without a pause, so every few of them the other clients have their turn.
    """
    count = 0
    async for message in socket.messages():
        count += 1
        if count % MESSAGES_PER_TURN == 0:
            await other_clients_turn()
        yield message


def subprotocol(offered: Sequence[str]) -> Subprotocol | None:
    """The protocol's name where it is offered; a client that offers none gets none, and the same messages."""
    return next((name for name in SUBPROTOCOLS if name in offered), None)


def socket_settings(options: ServerOptions) -> dict[str, Any]:
    """How every socket behaves, as arguments of `websockets.asyncio.server.serve`."""

    return {
        "create_connection": Socket,
        "subprotocols": SUBPROTOCOLS,
        "select_subprotocol": lambda _, offered: subprotocol(offered),
        "compression": None,  # costs more processor time and memory than it saves in network
        "max_size": options.limits.max_frame_bytes,
        "ping_interval": 20,
        "ping_timeout": None,  # a late pong shows a busy client, not a dead one; `idle_timeout` finds the latter
        "close_timeout": CLOSE_TIMEOUT_S,
        "max_queue": 16,
        "backlog": 2_048,
        "server_header": product(),
    }


def tls_settings(options: ServerOptions) -> dict[str, Any]:
    """The certificate, as arguments of `serve`; empty without one. UsageError when it cannot be used."""
    if options.cert is None:
        return {}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(options.cert, options.key)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"--cert {options.cert}, --key {options.key}: {error}") from None
    return {"ssl": context, "ssl_handshake_timeout": TLS_TIMEOUT_S}
