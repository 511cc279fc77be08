"""Resumes a session on another connection: it is found on this server or in the store, and restored."""

import asyncio
import secrets
from weakref import WeakValueDictionary

from emoscope.models.contract import ModelContract

from ..protocol.errors import ConfigInvalid, RecordInvalid
from ..protocol.messages import CloseCode, SessionResume
from .checkpoint import Checkpoint, hash_token, hashes_equal
from .checkpoints import Checkpoints
from .client_session import ClientSession
from .connection import Connection
from .registry import SessionRegistry
from .store import StoreUnavailable

UNKNOWN = "no such session, or not with this token; it may have waited too long: open a new one"


class SessionResumer:
    """Moves sessions to the connections that ask for them."""

    def __init__(self, contract: ModelContract, registry: SessionRegistry, checkpoints: Checkpoints) -> None:
        self._contract, self._registry, self._checkpoints = contract, registry, checkpoints
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def resume(self, connection: Connection, message: SessionResume) -> None:
        """Let `connection` adopt the session, or end it. InvalidJson when `last_seq` does not fit the session.

        Of two connections that ask for one session, the second waits: the store's answers may arrive in another order
        than it made their owners, and then neither connection would be the owner of what it has.
        """
        lock = self._locks.setdefault(message.session_id, asyncio.Lock())
        async with lock:
            await self._resume(connection, message)

    async def _resume(self, connection: Connection, message: SessionResume) -> None:
        try:
            checkpoint = await self._find(connection, message)
        except StoreUnavailable:
            connection.end("resume_unknown", "the session store does not answer; try again", CloseCode.TRY_LATER)
            return
        if checkpoint is None:
            connection.end("resume_unknown", UNKNOWN)
            return
        try:
            session = ClientSession.restore(checkpoint, self._contract)
            missed = session.resume(message.last_seq)
        except (RecordInvalid, ConfigInvalid) as error:
            connection.end("resume_unknown", str(error))
            return
        except Exception:  # neither a malformed message nor a fault of the server may cost the session
            await self._checkpoints.save(checkpoint)
            raise
        if session.unacknowledged.incomplete:
            connection.end(
                "session_expired", "events that were never acknowledged are no longer kept; open a new session"
            )
            return
        self._registry.move(session, connection)
        connection.adopt(session, missed)

    async def _find(self, connection: Connection, message: SessionResume) -> Checkpoint | None:
        """From another connection, which lets go of it, or from the store; None when there is none with this token."""
        token_hash = hash_token(message.resume_token)
        holder = self._registry.holder(message.session_id)
        if holder is not None:
            if holder is connection or not hashes_equal(holder.session.token_hash, token_hash):
                return None
            checkpoint = holder.session.checkpoint()
            holder.release_session()
            if not self._checkpoints.outlive_process or not holder.session.begun:
                return checkpoint  # it is stored nowhere else
            # Another server may have continued the session since, while this connection stayed open unnoticed. Then
            # the store refuses this checkpoint, and holds a newer one. After a fault here, it holds a sound one.
            if not holder.faulted and await self._checkpoints.save(checkpoint) is not False:
                return checkpoint
        return await self._checkpoints.take(message.session_id, token_hash, owner=secrets.token_hex(8))
