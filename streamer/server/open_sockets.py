"""The sockets that are open, and those of them that have not sent a request yet."""

from collections.abc import Callable, Iterator
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from websockets.asyncio.server import Server as SocketServer
from websockets.server import ServerProtocol

from .sockets import Socket

WAITING = 1_024  # connections without a request that are kept, or as many as may have a session if that is more


class OpenSockets:
    """Bounds the connections that have sent no whole request.

    A client sends its request as soon as it is connected. So where too many wait, the one that has waited the longest
    is closed, and whoever opens connections and says nothing keeps nobody out.

    on_lost  is called with each socket whose connection is over
    """

    def __init__(self, max_sessions: int, on_lost: Callable[[Socket], object]) -> None:
        self._most_waiting = max(WAITING, max_sessions)
        self._on_lost = on_lost
        self._all: WeakSet[Socket] = WeakSet()
        self._waiting: WeakKeyDictionary[Socket, None] = WeakKeyDictionary()  # the longest first

    def __iter__(self) -> Iterator[Socket]:
        return iter(list(self._all))

    def __len__(self) -> int:
        return len(self._all)

    def new(self, protocol: ServerProtocol, server: SocketServer, **options: Any) -> Socket:
        """The socket of a connection that was accepted: `create_connection` of `websockets`."""
        socket = Socket(protocol, server, **options)
        self._all.add(socket)
        self._waiting[socket] = None
        socket.on_lost = lambda: self._lost(socket)
        while len(self._waiting) > self._most_waiting:
            longest = next(iter(self._waiting))
            del self._waiting[longest]
            longest.abort()
        return socket

    def has_asked(self, socket: Socket) -> None:
        """The connection's request has come."""
        self._waiting.pop(socket, None)

    def _lost(self, socket: Socket) -> None:
        self._waiting.pop(socket, None)
        self._on_lost(socket)
