"""Shuts the connections down: sessions are finished or stored, and clients are told.

Each stage ends by its share of one deadline.
"""

import asyncio

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


async def drain(registry: SessionRegistry, deadline: Deadline, *, stored: bool) -> None:
    """Emit finals, then `shutting_down`; where another server can continue (`stored`), store sessions instead."""

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
            close_code = 1012 if stored and connection.session.begun and connection.resumable else None
            with connection.isolate_faults():
                connection.end("shutting_down", "the server is going down", close_code)
        await asyncio.sleep(POLL_S)
