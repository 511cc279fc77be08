"""The open connections of a server, and which of them holds which session."""

from .checkpoints import Checkpoints
from .client_session import ClientSession
from .connection import Connection
from .metrics import Metrics

MAX_FAILURES = 3  # in a row, after which a session is not stored: it would fail again for whoever resumes it


class SessionRegistry:
    """Belongs to one event loop.

    connections  that are open
    closed       connections that were, so far
    """

    def __init__(self, checkpoints: Checkpoints, metrics: Metrics) -> None:
        self.connections: set[Connection] = set()
        self.closed = 0
        self._checkpoints, self._metrics = checkpoints, metrics
        self._holders: dict[str, Connection] = {}

    def __len__(self) -> int:
        """Sessions that a connection holds."""
        return len(self._holders)

    def add(self, connection: Connection) -> None:
        """A connection was opened, with a session of its own."""
        self.connections.add(connection)
        self._holders[connection.session.id] = connection
        self._metrics.opened.inc()

    def holder(self, session_id: str) -> Connection | None:
        """The connection that holds this session now."""
        connection = self._holders.get(session_id)
        return None if connection is None or connection.session_released else connection

    def move(self, session: ClientSession, connection: Connection) -> None:
        """A session that was found is now held by this connection, instead of the connection's own."""
        other = self.holder(session.id)
        if other is not None:  # two connections asked for it at once, and both found it in the store
            other.release_session()
        self._holders.pop(connection.session.id, None)
        self._holders[session.id] = connection
        self._metrics.resumed.inc()

    async def remove(self, connection: Connection, *, done: bool) -> None:
        """A connection is closed: its session is stored so that it can be resumed, unless it is over.

        The connection counts as open until that is done. After a fault of the server the session may be half changed:
        where it was stored before, that checkpoint stays, and the client has all audio since.
        """
        session = connection.session
        if self._holders.get(session.id) is connection:
            del self._holders[session.id]
        try:
            connection.disconnected()
            if connection.session_released or not session.begun or not connection.resumable:
                return
            if (done and session.closed) or session.failures >= MAX_FAILURES:
                await self._checkpoints.remove(session.id, session.owner)
            elif not (connection.faulted and self._checkpoints.outlive_process):
                await self._checkpoints.save(session.checkpoint())
        finally:
            self.connections.discard(connection)
            self.closed += 1
