"""Sessions in the memory of this process."""

import time
from collections import OrderedDict
from collections.abc import Callable

from .checkpoint import hashes_equal
from .store import Store


class MemoryStore(Store):
    """Keeps at most `max_records`; beyond that the oldest record is deleted first."""

    outlives = False

    def __init__(self, max_records: int = 2_000, clock: Callable[[], float] = time.monotonic) -> None:
        self._max_records, self._clock = max_records, clock
        self._records: OrderedDict[str, tuple[float, bytes, bytes]] = OrderedDict()

    def __len__(self) -> int:
        self._expire()
        return len(self._records)

    async def put(
        self, session_id: str, token_hash: bytes, record: bytes, owner: str, ttl_s: float, revision: int = 0
    ) -> bool:
        self._expire()
        self._records[session_id] = (self._clock() + ttl_s, token_hash, record)
        self._records.move_to_end(session_id)
        while len(self._records) > self._max_records:
            self._records.popitem(last=False)
        return True

    async def take(self, session_id: str, token_hash: bytes, owner: str) -> bytes | None:
        self._expire()
        found = self._records.get(session_id)
        if found is None or not hashes_equal(found[1], token_hash):
            return None
        del self._records[session_id]
        return found[2]

    async def remove(self, session_id: str, owner: str) -> None:
        self._records.pop(session_id, None)

    async def check(self) -> None:
        """Memory always answers; records whose time is over are deleted."""
        self._expire()

    async def close(self) -> None:
        self._records.clear()

    def _expire(self) -> None:
        now = self._clock()
        for session_id in [key for key, (until, _, _) in self._records.items() if until <= now]:
            del self._records[session_id]
