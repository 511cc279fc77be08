"""How a socket of the server behaves below the protocol's messages."""

import asyncio
import contextlib
import socket as sockets
from collections.abc import Sequence
from typing import Any

from websockets.asyncio.server import Server as SocketServer
from websockets.asyncio.server import ServerConnection
from websockets.frames import CloseCode as WireCode
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from ..protocol.events import Error, encode
from ..protocol.messages import SUBPROTOCOL
from ..runtime.drive import product
from .options import ServerOptions

SEND_BUFFER = 65_536  # bytes the kernel holds for a client that does not read, so that it is noticed soon
READ_BYTES = 65_536  # taken at once: all frames in it are parsed before anybody else has a turn
CLOSE_TIMEOUT_S = 3.0


class Socket(ServerConnection):
    """Tells a client that sends too much what was wrong before the closing frame says so too."""

    def __init__(self, protocol: ServerProtocol, server: SocketServer, **options: Any) -> None:
        super().__init__(protocol, server, **options)
        self.too_large = False
        fail = protocol.fail

        def told(code: int, reason: str = "") -> None:
            if code == WireCode.MESSAGE_TOO_BIG and protocol.state is State.OPEN:
                self.too_large = True
                message = f"a message of more than {protocol.max_message_size} bytes"
                protocol.send_text(encode(Error(code="message_too_large", message=message, fatal=True)))
            fail(code, reason)

        protocol.fail = told  # type: ignore[method-assign]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        raw = transport.get_extra_info("socket")
        if raw is not None:
            with contextlib.suppress(OSError):
                raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_SNDBUF, SEND_BUFFER)
        if hasattr(transport, "max_size"):
            transport.max_size = READ_BYTES
        super().connection_made(transport)


def socket_settings(options: ServerOptions) -> dict[str, Any]:
    """How every socket behaves, as arguments of `websockets.asyncio.server.serve`."""

    def subprotocol(_: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
        """Ours where it is offered; a client that offers none gets none, and the same messages."""
        return Subprotocol(SUBPROTOCOL) if SUBPROTOCOL in offered else None

    return {
        "create_connection": Socket,
        "subprotocols": [Subprotocol(SUBPROTOCOL)],
        "select_subprotocol": subprotocol,
        "compression": None,  # it would cost more processor time and memory than it saves in network
        "max_size": options.limits.max_frame_bytes,
        "ping_interval": 20,
        "ping_timeout": None,  # a busy client's late pong is no reason to cut it; `idle_timeout` is
        "close_timeout": CLOSE_TIMEOUT_S,
        "max_queue": 16,
        "backlog": 2_048,
        "server_header": product(),
    }
