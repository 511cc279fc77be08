"""Sessions in Redis: another server can continue them after this one was lost."""

from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError

from ..protocol.errors import UsageError
from .checkpoint import hashes_equal
from .store import Store, StoreUnavailable

PREFIX = "emoscope:session:"
TIMEOUT_S = 5.0
CONNECTIONS = 50  # at most; what needs one more waits for it, and the address may say `?max_connections=`

ENDED_S = 60  # for so long a session is remembered as ended, because an earlier write may still arrive

# Each script runs atomically in Redis. Only the owner of a record may write it, so that two servers never hold the same
# session, and a write that was delayed on its way never replaces a later one.
PUT = """
local owner, revision = unpack(redis.call('HMGET', KEYS[1], 'owner', 'revision'))
if owner and owner ~= ARGV[1] then return 0 end
if revision and tonumber(revision) > tonumber(ARGV[5]) then return 1 end
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'token', ARGV[2], 'record', ARGV[3], 'revision', ARGV[5])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
"""
TAKE = """
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[2] then return false end
redis.call('HSET', KEYS[1], 'owner', ARGV[1])
return redis.call('HGET', KEYS[1], 'record')
"""
REMOVE = """
local owner = redis.call('HGET', KEYS[1], 'owner')
if owner and owner ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'owner', '')
return redis.call('EXPIRE', KEYS[1], ARGV[2])
"""


class RedisStore(Store):
    """One Redis hash a session, with a time to live. Of tokens only hashes are stored."""

    outlives = True

    def __init__(self, url: str) -> None:
        """UsageError when the URL is malformed."""
        try:
            pool = BlockingConnectionPool.from_url(
                url,
                max_connections=CONNECTIONS,
                timeout=TIMEOUT_S,
                socket_timeout=TIMEOUT_S,
                socket_connect_timeout=TIMEOUT_S,
            )
            self._redis: Any = Redis.from_pool(pool)
        except ValueError as error:
            raise UsageError(f"--store: {error}") from None
        self._put = self._redis.register_script(PUT)
        self._take = self._redis.register_script(TAKE)
        self._remove = self._redis.register_script(REMOVE)

    async def put(
        self, session_id: str, token_hash: bytes, record: bytes, owner: str, ttl_s: float, revision: int = 0
    ) -> bool:
        values: list[str | bytes | int] = [owner, token_hash, record, round(ttl_s * 1e3), revision]
        try:
            stored = await self._put(keys=[PREFIX + session_id], args=values)
        except RedisError as error:
            raise _unavailable(error) from None
        return bool(stored)

    async def take(self, session_id: str, token_hash: bytes, owner: str) -> bytes | None:
        key = PREFIX + session_id
        try:
            known = await self._redis.hget(key, "token")
            if known is None or not hashes_equal(known, token_hash):
                return None
            record: bytes | None = await self._take(keys=[key], args=[owner, token_hash])
        except RedisError as error:
            raise _unavailable(error) from None
        return record

    async def remove(self, session_id: str, owner: str) -> None:
        try:
            await self._remove(keys=[PREFIX + session_id], args=[owner, ENDED_S])
        except RedisError as error:
            raise _unavailable(error) from None

    async def check(self) -> None:
        try:
            await self._redis.ping()
        except RedisError as error:
            raise _unavailable(error) from None

    async def close(self) -> None:
        await self._redis.aclose()


def _unavailable(error: RedisError) -> StoreUnavailable:
    return StoreUnavailable(f"redis: {type(error).__name__}: {error}")
