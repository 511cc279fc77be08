"""The player interface that a screen shows, and the player of a record. A live session is another player."""

import time
from pathlib import Path
from typing import Protocol

from ..protocol.errors import EmoscopeError
from ..protocol.events import AnyEvent
from ..runtime.updates import Update
from ..sinks.record import event_time, whole_record


class Player(Protocol):
    """Never blocks but in `join`. `start` comes after the first frame: loading a model can hold everything up."""

    error: BaseException | None

    @property
    def done(self) -> bool: ...

    @property
    def paused(self) -> bool: ...

    def start(self) -> None: ...

    def updates(self) -> list[Update]: ...

    def pause(self, paused: bool) -> None: ...

    def reset(self) -> None: ...

    def enroll(self) -> None: ...

    def stop(self) -> None: ...

    def join(self, timeout_s: float) -> bool: ...


class RecordPlayer:
    """Plays the events of a record at their times, `speed` times as fast as they were recorded."""

    def __init__(self, path: Path, speed: float = 1.0) -> None:
        self._events = whole_record(path)
        self._speed = speed
        self._next: AnyEvent | None = None
        self._position = 0.0
        self._last: float | None = None
        self.paused = False
        self.done = False
        self.error: BaseException | None = None

    def start(self) -> None:
        """Nothing has to be loaded for a record."""

    def updates(self) -> list[Update]:
        """What is due now."""
        now = time.monotonic()
        if self._last is not None and not self.paused:
            self._position += (now - self._last) * self._speed
        self._last = now
        return self.until(self._position)

    def until(self, position_s: float) -> list[Update]:
        """The events up to a time on the audio clock that were not returned before."""
        due: list[Update] = []
        while not self.done:
            if self._next is None:
                try:
                    self._next = next(self._events)
                except StopIteration:
                    self.done = True
                    break
                except EmoscopeError as error:
                    self.error, self.done = error, True
                    break
            if (event_time(self._next) or 0.0) > position_s:
                break
            due.append(self._next)
            self._next = None
        return due

    def pause(self, paused: bool) -> None:
        self.paused = paused

    def reset(self) -> None:
        """A record cannot be reset."""

    def enroll(self) -> None:
        """A record has no audio to learn a voice from."""

    def stop(self) -> None:
        self.done = True

    def join(self, timeout_s: float) -> bool:
        return True
