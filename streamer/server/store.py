"""Where sessions wait for their clients to come back: one small interface, and its simplest form."""

import time
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable

from ..protocol.errors import UsageError
from .stored import same


class StoreUnavailable(Exception):
    """The store does not answer; the session goes on, what it acknowledges does not."""


class Store(ABC):
    """Records by session id, each with its owner, who went on with the session last, and a revision.

    Writes may take any time, and arrive in any order: a record gives way to one of a later revision only.

    outlives  whether what is stored survives this process: then sessions are stored all along, not just when they drop
    """

    outlives: bool

    @abstractmethod
    async def put(
        self, session_id: str, token: bytes, record: bytes, owner: str, ttl_s: float, revision: int = 0
    ) -> bool:
        """Keep a record for `ttl_s`, unless a later one of this owner is there already.

        False when another owner has taken the session since, or it is over: then nothing is kept.
        """

    @abstractmethod
    async def take(self, session_id: str, token: bytes, owner: str) -> bytes | None:
        """Become the owner; None when there is no such session, or the token is another's.

        owner  who never owned it before: what an earlier owner still has under way is refused
        """

    @abstractmethod
    async def remove(self, session_id: str, owner: str) -> None:
        """The session is over."""

    @abstractmethod
    async def check(self) -> None:
        """StoreUnavailable unless it works."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of connections."""


class MemoryStore(Store):
    """In this process, the oldest forgotten first when there are too many."""

    outlives = False

    def __init__(self, most: int = 2_000, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._clock = most, clock
        self._records: OrderedDict[str, tuple[float, bytes, bytes]] = OrderedDict()

    def __len__(self) -> int:
        self._expire()
        return len(self._records)

    async def put(
        self, session_id: str, token: bytes, record: bytes, owner: str, ttl_s: float, revision: int = 0
    ) -> bool:
        self._expire()
        self._records[session_id] = (self._clock() + ttl_s, token, record)
        self._records.move_to_end(session_id)
        while len(self._records) > self._most:
            self._records.popitem(last=False)
        return True

    async def take(self, session_id: str, token: bytes, owner: str) -> bytes | None:
        self._expire()
        found = self._records.get(session_id)
        if found is None or not same(found[1], token):
            return None
        del self._records[session_id]
        return found[2]

    async def remove(self, session_id: str, owner: str) -> None:
        self._records.pop(session_id, None)

    async def check(self) -> None:
        """It always works."""

    async def close(self) -> None:
        self._records.clear()

    def expire(self) -> None:
        """Forget what waited long enough."""
        self._expire()

    def _expire(self) -> None:
        now = self._clock()
        for session_id in [key for key, (until, _, _) in self._records.items() if until <= now]:
            del self._records[session_id]


def open_store(url: str, most: int) -> Store:
    """The store that `--store` names; UsageError when there is no such kind."""
    if url == "memory":
        return MemoryStore(most)
    if url.startswith(("redis://", "rediss://", "unix://")):
        try:
            from .redis_store import RedisStore
        except ImportError:
            raise UsageError("--store redis needs the package redis: pip install 'emoscope[redis]'") from None
        return RedisStore(url)
    raise UsageError(f"--store {url!r}: 'memory', or a redis://HOST:PORT/DATABASE URL")
