"""Shuts the connections down: sessions are finished or stored, and clients are told.

Each stage ends by its share of one deadline.
"""

import asyncio

from ..protocol.messages import CloseCode
from .connection import Connection
from .deadline import Deadline
from .phase import Phase
from .registry import SessionRegistry

POLL_S = 0.05

# Shares of the deadline by which each stage is over.
REQUESTS_BY = 0.65  # requests of sessions that are being finished
FINALS_BY = 0.7  # their last events
CLOSED_BY = 0.85  # connections that do not close are cut
STORED_BY = 0.92  # checkpoints of the sessions of those connections
STOPPED_BY = 0.98  # recognizers, engine, store


async def drain(registry: SessionRegistry, deadline: Deadline, *, stored: bool, served_elsewhere: bool = False) -> None:
    """Emit finals, then `shutting_down`; where another server can continue (`stored`), store sessions instead.

    served_elsewhere  other servers take new clients at the same address: those that have said nothing yet go there too
    """

    def is_finished_here(connection: Connection) -> bool:
        begun = connection.session.begun
        return connection.session.finished or (begun and not (stored and connection.resumable))

    finishing = [connection for connection in registry.connections if is_finished_here(connection)]
    for connection in finishing:
        with connection.isolate_faults():
            connection.drain(deadline.left_s(REQUESTS_BY))
    while deadline.left_s(FINALS_BY) and any(connection.phase is not Phase.CLOSING for connection in finishing):
        await asyncio.sleep(POLL_S)
    while registry.connections and deadline.left_s(CLOSED_BY):
        for connection in list(registry.connections):
            goes_on = stored and connection.resumable and (connection.session.begun or served_elsewhere)
            close_code = CloseCode.RESTARTING if goes_on else None
            with connection.isolate_faults():
                connection.end("shutting_down", "the server is going down", close_code)
        await asyncio.sleep(POLL_S)
