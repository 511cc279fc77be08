"""The open connections of a server, and which of them holds which session."""

from .checkpoints import Checkpoints
from .client_session import ClientSession
from .connection import Connection
from .metrics import Metrics

MAX_FAULTS = 1_000  # sessions whose newest fault is remembered
SAME_PLACE_S = 1.0  # two faults so close to each other are one
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
        self._faults: dict[str, tuple[int, float]] = {}

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
        where it was stored before, that checkpoint stays, and the client has all audio since. One that comes back to
        the same fault again and again is given up.
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
            elif not (connection.faulted and self._checkpoints.outlive_process and session.stored_s > 0):
                await self._checkpoints.save(session.checkpoint())
            elif self._faults_at_this_place(session) >= MAX_FAILURES:
                await self._checkpoints.remove(session.id, session.owner)
        finally:
            self.connections.discard(connection)
            self.closed += 1

    def _faults_at_this_place(self, session: ClientSession) -> int:
        """How often the server has now failed at this second of a session; its checkpoint is from before."""
        count, at_s = self._faults.pop(session.id, (0, -SAME_PLACE_S))
        count = count + 1 if session.audio_s <= at_s + SAME_PLACE_S else 1
        self._faults[session.id] = count, session.audio_s
        if len(self._faults) > MAX_FAULTS:
            del self._faults[next(iter(self._faults))]
        return count
