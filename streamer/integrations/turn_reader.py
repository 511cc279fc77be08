"""A reader and the turn that it reads: what a framework's module needs to put readings beside transcriptions."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from ..protocol.events import AnyEvent, EmotionFinal, EmotionInterim, SessionCreated
from .options import ReaderOptions
from .reader import EmotionReader
from .turn import Summary, Turn

WAIT_S = 0.3

Reading = EmotionInterim | EmotionFinal
OnReading = Callable[[Reading], None]


def nobody(event: Reading) -> None:
    """Nobody wants to know of a reading."""


class TurnReader:
    """Belongs to one event loop.

    wait_s      how long `take` waits for the final of an utterance that has not ended
    on_reading  takes each interim and final, as it comes
    on_problem  takes one line about a problem, each once
    """

    def __init__(
        self,
        options: ReaderOptions,
        *,
        wait_s: float = WAIT_S,
        on_reading: OnReading = nobody,
        on_problem: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.reader = EmotionReader(options, self._accept, on_problem)
        self._turn = Turn()
        self._wait_s, self._on_reading = wait_s, on_reading
        self._changed = asyncio.Event()
        self._hurried = False

    @property
    def newest(self) -> int:
        """The number of the utterance that was begun last: a transcription belongs to those up to it."""
        return self._turn.newest

    def must_wait(self, upto: int | None = None) -> bool:
        """Whether an utterance, of those up to a number, is open whose final may still come."""
        return self._turn.open(upto) and self.reader.alive and not self._hurried

    def look(self) -> Summary | None:
        """The turn so far, as `Turn.take` gives it."""
        return self._turn.look()

    async def take(self, until: float | None = None, upto: int | None = None) -> Summary | None:
        """The turn's reading, once its utterances have their finals, or by `until` on the loop's clock.

        What is begun after the call, or after the utterance `upto`, belongs to the next turn.
        """
        until = asyncio.get_running_loop().time() + self._wait_s if until is None else until
        upto = self.newest if upto is None else upto
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                while self.must_wait(upto):
                    self._changed.clear()
                    await self._changed.wait()
        return self._turn.take(upto)

    def hurry(self, hurried: bool = True) -> None:
        """Wait for nothing: what waits now goes on with what is known."""
        self._hurried = hurried
        self._changed.set()

    def _accept(self, event: AnyEvent) -> None:
        if isinstance(event, SessionCreated):
            self._turn.restart()
        self._turn.accept(event)
        if isinstance(event, EmotionInterim | EmotionFinal):
            self._changed.set()
            self._on_reading(event)
