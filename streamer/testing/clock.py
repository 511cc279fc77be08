"""Virtual clocks: a test that waits for ten minutes takes no time, and its result does not depend on a busy machine."""

import asyncio
import heapq
import selectors
import time
from collections.abc import Callable, Coroutine
from contextvars import Context
from itertools import count
from typing import Any, TypeVar

T = TypeVar("T")

STEP_S = 2e-9  # more than the resolution of asyncio's clock
POLL_S = 0.001  # of real time, between two looks at work that runs outside the virtual time


class FakeClock:
    """A clock that moves only when a test moves it.

    It has the methods of `runtime.clock.Clock`. It can also be called, so it stands in for `time.monotonic` wherever
    a function takes one: `RateLimiter(clock=FakeClock())`.

    >>> clock = FakeClock()
    >>> fired = []
    >>> clock.call_at(5.0, lambda: fired.append(clock.now()))
    >>> clock.sleep(4.0)
    >>> fired
    []
    >>> clock.advance(6.0)
    >>> fired, clock.now()
    ([5.0], 10.0)
    """

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self._timers: list[tuple[float, int, Callable[[], object]]] = []
        self._order = count()

    def now(self) -> float:
        """Seconds since an arbitrary start, as `time.monotonic`."""
        return self.seconds

    __call__ = now

    def sleep(self, seconds: float) -> None:
        """Return at once, with the clock `seconds` later; a negative duration does nothing."""
        self.advance(max(0.0, seconds))

    def advance(self, seconds: float) -> None:
        """Move the clock forward, and run every callback that became due, each at its own time and in order.

        ValueError when `seconds` is negative: a monotonic clock never goes back.
        """
        if seconds < 0:
            raise ValueError(f"a clock cannot move by {seconds:g} s; seconds must not be negative")
        until = self.seconds + seconds
        while self._timers and self._timers[0][0] <= until:
            due, _, callback = heapq.heappop(self._timers)
            self.seconds = max(self.seconds, due)
            callback()
        self.seconds = max(self.seconds, until)

    def call_at(self, when: float, callback: Callable[[], object]) -> None:
        """Run `callback` when the clock reaches `when`; the next `advance` or `sleep` runs one that is due already."""
        heapq.heappush(self._timers, (when, next(self._order), callback))


def run_in_virtual_time(
    coroutine: Coroutine[Any, Any, T],
    clock: FakeClock | None = None,
    *,
    busy: Callable[[], bool] = lambda: False,
) -> T:
    """Run a coroutine on an event loop whose time is `clock`; when all tasks wait, the clock jumps to the next timer.

    `asyncio.sleep(600)`, `asyncio.timeout(600)` and `loop.time()` all follow the clock, so timeouts are tested exactly
    and at once. Tasks, queues and events of the loop need nothing else. Sockets work too, where both ends are on this
    loop. Threads and other processes run in real time: `busy` tells that one still works, and the clock stands still
    as long as it is true.

    >>> clock = FakeClock()
    >>> run_in_virtual_time(asyncio.sleep(600), clock)
    >>> clock.now()
    600.0
    """
    used = FakeClock() if clock is None else clock
    with asyncio.Runner(loop_factory=lambda: _VirtualLoop(used, busy)) as runner:
        return runner.run(coroutine)


class _VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop that takes its time from a `FakeClock`."""

    def __init__(self, clock: FakeClock, busy: Callable[[], bool]) -> None:
        self._clock = clock
        super().__init__(_JumpingSelector(clock, busy))

    def time(self) -> float:
        """The virtual time, in seconds."""
        return self._clock.now()

    def call_at(  # type: ignore[override]  # typeshed ties the types of callback and arguments together
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """As in asyncio, whose loop takes a timer of less than its clock's resolution for due, without time passing.

        A task that waits for the rest of a wait, as small as rounding makes it, would then do so for ever; so such a
        timer is moved to where the clock must move for it.
        """
        now = self.time()
        if now < when < now + STEP_S:
            when = now + STEP_S
        return super().call_at(when, callback, *args, context=context)


class _JumpingSelector(selectors.DefaultSelector):
    """Where an ordinary selector would sleep until the loop's next timer, this one moves the clock there instead."""

    def __init__(self, clock: FakeClock, busy: Callable[[], bool]) -> None:
        super().__init__()
        self._clock, self._busy = clock, busy

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """File objects that are ready; an empty list means that the clock stands at the next timer."""
        while True:
            ready: list[tuple[selectors.SelectorKey, int]] = super().select(0)
            if ready or timeout == 0:
                return ready
            if timeout is None:  # no timer is left: only a socket or a thread can wake the loop
                found: list[tuple[selectors.SelectorKey, int]] = super().select(None)
                return found
            if not self._busy():
                self._clock.advance(max(0.0, timeout))
                return []
            time.sleep(POLL_S)
