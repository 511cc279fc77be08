"""The interface of the stores that keep sessions until their clients return."""

from abc import ABC, abstractmethod


class StoreUnavailable(Exception):
    """The store does not answer. The session continues, but nothing more of it is acknowledged."""


class Store(ABC):
    """Records by session id, each with its owner (whoever continued the session last) and a revision.

    Writes may take any time and arrive in any order: a record is replaced by one of a later revision only.

    outlives  whether what is stored survives this process; sessions are then stored all the time, not only when their
              connection is lost
    """

    outlives: bool

    @abstractmethod
    async def put(
        self, session_id: str, token_hash: bytes, record: bytes, owner: str, ttl_s: float, revision: int = 0
    ) -> bool:
        """Keep a record for `ttl_s` seconds, unless a later one of this owner is stored already.

        False when another owner has taken the session in the meantime, or the session has ended: nothing is stored.
        """

    @abstractmethod
    async def take(self, session_id: str, token_hash: bytes, owner: str) -> bytes | None:
        """Become the owner of a session; None when there is no such session, or the token does not match.

        owner  a name that was never used before, so that pending writes of earlier owners are refused
        """

    @abstractmethod
    async def remove(self, session_id: str, owner: str) -> None:
        """Delete the record of a session that has ended."""

    @abstractmethod
    async def check(self) -> None:
        """StoreUnavailable unless the store answers; called every few seconds."""

    @abstractmethod
    async def close(self) -> None:
        """Close the connections to the store."""
