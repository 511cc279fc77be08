"""Writes one session's checkpoints while it runs, where the store outlives this process."""

import asyncio
from collections.abc import Callable

from .checkpoints import Checkpoints
from .client_session import ClientSession

INTERVAL_S = 2.0  # of audio between two checkpoints
RETRY_S = 1.0  # until the next attempt when the store is unavailable
RENEW_SHARE = 0.5  # of a checkpoint's time to live, after which it is written again although nothing happened


class CheckpointWriter:
    """One write at a time; the next one takes the newest state. The client is told to discard only what was written.

    on_taken  is called when another server has continued the session, so that this one must let go of it
    """

    def __init__(self, checkpoints: Checkpoints, session: ClientSession, on_taken: Callable[[], object]) -> None:
        self._checkpoints, self._session, self._on_taken = checkpoints, session, on_taken
        self._written_audio_s = 0.0
        self._requested_at: float | None = None
        self._pending = False
        self._stopped = False
        self._task: asyncio.Task[None] | None = None

    def audio_accepted(self, now: float) -> None:
        """The first audio is stored at once, so that the session can be resumed from its start."""
        if self._requested_at is None or self._session.audio_s - self._written_audio_s >= INTERVAL_S:
            self.request(now)

    def renew(self, now: float) -> None:
        """A silent session must not expire in the store while its connection is open."""
        if self._requested_at is not None and now - self._requested_at > RENEW_SHARE * self._checkpoints.ttl_s:
            self.request(now)

    def request(self, now: float) -> None:
        """Write a checkpoint soon."""
        if not self._checkpoints.outlive_process or not self._session.begun or self._stopped:
            return
        self._written_audio_s, self._requested_at = self._session.audio_s, now
        self._pending = True
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._write())

    def stop(self) -> None:
        """Begin no further write."""
        self._stopped = True

    async def _write(self) -> None:
        session = self._session
        while self._pending and not self._stopped:
            self._pending = False
            audio_s = session.audio_s
            stored = await self._checkpoints.save(session.checkpoint(), connected=True)
            if stored is None:  # nothing is acknowledged until a later attempt succeeds
                self._pending = True
                await asyncio.sleep(RETRY_S)
            elif stored:
                session.stored_s = max(session.stored_s, audio_s)
            elif not self._stopped:
                self._on_taken()
