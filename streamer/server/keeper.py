"""Stores one stream's state all along, where the store outlives this process."""

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .link import Link

KEEP_EVERY_S = 2.0  # of audio, after which the state is stored again
RETRY_S = 1.0
RENEW_SHARE = 0.5  # of a record's time to live, after which it is stored again although nothing happened


class Keeper:
    """One write at a time, the newest state next. What is acknowledged to the client never passes what was written."""

    def __init__(self, link: "Link") -> None:
        self._link = link
        self._at_s, self._when = 0.0, 0.0
        self._dirty = False
        self._task: asyncio.Task[None] | None = None

    def heard(self, first: bool) -> None:
        """Audio came; the session's first is stored at once, so that the session can be resumed from the start."""
        if first or self._link.stream.audio_s - self._at_s >= KEEP_EVERY_S:
            self.keep()

    def renew(self, now: float) -> None:
        """A silent session must not expire in the store while its socket is open."""
        if self._when and now - self._when > RENEW_SHARE * self._link.hub.options.limits.resume_ttl_s:
            self.keep()

    def keep(self) -> None:
        """Store the state, soon."""
        link = self._link
        if not link.hub.store.outlives or not link.stream.begun or link.leaving:
            return
        self._at_s, self._when = link.stream.audio_s, link.hub.now()
        self._dirty = True
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self._write())

    async def _write(self) -> None:
        link = self._link
        while self._dirty and not link.leaving:
            self._dirty = False
            stream = link.stream
            at = stream.audio_s
            stored = await link.hub.put(stream, attached=True)
            if stored is None:  # the store does not answer: nothing is acknowledged, and it is tried again
                self._dirty = True
                await asyncio.sleep(RETRY_S)
            elif stored:
                stream.stored_s = max(stream.stored_s, at)
            elif not link.leaving:
                link.hub.forget(link)
                link.end("session_taken", "another socket has gone on with this session")
