"""The sockets that are open, and how many more a server takes."""

from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from websockets.asyncio.server import Server as SocketServer
from websockets.server import ServerProtocol

from .sockets import Socket

WAITING = 1_024  # connections without a request that are kept, or as many as may have a session if that is more


class OpenSockets:
    """Counts websockets towards `max_sessions`, and bounds the connections that have sent no whole request.

    A client sends its request as soon as it is connected. So where too many wait, the one that has waited the longest
    is closed, and whoever opens connections and says nothing keeps nobody out.
    """

    def __init__(self, max_sessions: int) -> None:
        self._max_sessions = max_sessions
        self._all: WeakSet[Socket] = WeakSet()
        self._waiting: WeakKeyDictionary[Socket, None] = WeakKeyDictionary()  # the longest first
        self._admitted: set[Socket] = set()

    def __iter__(self) -> Iterator[Socket]:
        return iter(list(self._all))

    def __len__(self) -> int:
        return len(self._all)

    @property
    def has_room(self) -> bool:
        """Whether one more websocket may be opened."""
        return len(self._admitted) < self._max_sessions

    def new(self, protocol: ServerProtocol, server: SocketServer, **options: Any) -> Socket:
        """The socket of a connection that was accepted: `create_connection` of `websockets`."""
        socket = Socket(protocol, server, **options)
        self._all.add(socket)
        self._waiting[socket] = None
        socket.on_lost = lambda: self._lost(socket)
        while len(self._waiting) > max(WAITING, self._max_sessions):
            longest = next(iter(self._waiting))
            del self._waiting[longest]
            abort(longest)
        return socket

    def has_asked(self, socket: Socket) -> None:
        """The connection's request has come."""
        self._waiting.pop(socket, None)

    def admit(self, socket: Socket) -> None:
        """The websocket counts towards `max_sessions` until its connection is lost."""
        self._admitted.add(socket)

    def _lost(self, socket: Socket) -> None:
        self._waiting.pop(socket, None)
        self._admitted.discard(socket)


def abort(socket: Socket) -> None:
    """Close at once. A socket whose TLS handshake is not over has no transport yet, and ends with the handshake."""
    if (transport := getattr(socket, "transport", None)) is not None:
        transport.abort()
