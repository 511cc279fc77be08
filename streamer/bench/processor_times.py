"""The time that the parts of a program take."""

import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class ProcessorTimes:
    """Seconds that each part has taken so far, in `spent`.

    clock  the processor time of the thread that calls, unless told otherwise
    """

    def __init__(self, *parts: str, clock: Callable[[], float] = time.thread_time) -> None:
        self.spent = dict.fromkeys(parts, 0.0)
        self._clock = clock

    def timed(self, part: str, call: Callable[P, R]) -> Callable[P, R]:
        """The same function, with its time counted."""

        def run(*arguments: P.args, **named: P.kwargs) -> R:
            began = self._clock()
            try:
                return call(*arguments, **named)
            finally:
                self.spent[part] += self._clock() - began

        return run
