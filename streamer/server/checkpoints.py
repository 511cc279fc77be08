"""Saves and loads checkpoints: the store that `--store` names, with its failures logged and counted."""

from ..protocol.errors import RecordInvalid, UsageError
from ..protocol.text import without_secrets
from .checkpoint import Checkpoint, pack, unpack
from .logs import Log
from .memory_store import MemoryStore
from .metrics import Metrics
from .store import Store, StoreUnavailable


def open_store(url: str, max_records: int) -> Store:
    """The store that `--store` names; UsageError when there is no such kind."""
    if url == "memory":
        return MemoryStore(max_records)
    if url.startswith(("redis://", "rediss://", "unix://")):
        try:
            from .redis_store import RedisStore
        except ImportError:
            raise UsageError("--store redis needs the package redis: pip install 'emoscope[redis]'") from None
        return RedisStore(url)
    raise UsageError(f"--store {without_secrets(url)!r}: 'memory', or a redis://HOST:PORT/DATABASE URL")


class Checkpoints:
    """The checkpoints of a server's sessions.

    ttl_s  how long a session whose connection was lost is kept
    """

    CONNECTED_FACTOR = 2.0  # the checkpoint of a connected session is kept longer, as it is renewed from time to time

    def __init__(self, store: Store, ttl_s: float, metrics: Metrics, log: Log) -> None:
        self.store, self.ttl_s = store, ttl_s
        self._metrics, self._log = metrics, log

    @property
    def outlive_process(self) -> bool:
        """Whether another server can continue a session when this process is gone."""
        return self.store.outlives

    async def save(self, checkpoint: Checkpoint, *, connected: bool = False) -> bool | None:
        """True when it was stored, False when another server has the session, None when the store is unavailable."""
        ttl_s = self.ttl_s * (self.CONNECTED_FACTOR if connected else 1.0)
        id, data = checkpoint.session_id, pack(checkpoint)
        try:
            return await self.store.put(id, checkpoint.token_hash, data, checkpoint.owner, ttl_s, checkpoint.revision)
        except StoreUnavailable as error:
            self._failed(id, error)
            return None

    async def take(self, session_id: str, token_hash: bytes, owner: str) -> Checkpoint | None:
        """Become the owner of a stored session.

        None when there is none with this token, or it cannot be read; StoreUnavailable when the store does not answer.
        """
        try:
            data = await self.store.take(session_id, token_hash, owner)
            checkpoint = None if data is None else unpack(data)
        except StoreUnavailable as error:
            self._failed(session_id, error)
            raise
        except RecordInvalid:
            return None
        if checkpoint is not None:
            checkpoint.owner = owner
        return checkpoint

    async def remove(self, session_id: str, owner: str) -> None:
        """Delete the checkpoint of a session that has ended."""
        try:
            await self.store.remove(session_id, owner)
        except StoreUnavailable as error:
            self._failed(session_id, error)

    def _failed(self, session_id: str, error: StoreUnavailable) -> None:
        self._metrics.store_failures.inc()
        self._log.error("store", session=session_id, message=str(error))
