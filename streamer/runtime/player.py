"""The thread of a live session, here or on a server: commands go in, updates come out."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Event as Flag
from threading import Thread
from typing import TYPE_CHECKING

from ..protocol.errors import EmoscopeError
from .capture import Capture
from .updates import Notice, Update

if TYPE_CHECKING:
    from ..protocol.events import AnyEvent
    from ..sinks.event_file import EventFile
    from ..sources.microphone import Source

ENROLL_S = 10.0  # so much calm speech is enough to know how a voice sounds


class PlayerThread(ABC):
    """A `Player` with a thread of its own. `updates()` returns what happened, `error` says why it ended early.

    source     closed at the end
    live       a microphone: it does not wait, so a pause ends the utterance
    clock      seconds that only go forward
    on_update  called in this thread after each update, and at the end: whoever waits for updates looks again

    Commands of other threads are queued in `_commands`, and run in this thread.
    """

    def __init__(self, name: str, source: "Source", *, live: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self.source, self._live = source, live
        self.on_update: Callable[[], None] = lambda: None
        self._capture = Capture(source, check_input=self._checks_input, recorded=not live, clock=clock)
        self._updates: SimpleQueue[Update] = SimpleQueue()
        self._commands: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._stop, self._done = Flag(), Flag()
        self._pause_requested = False
        self.error: BaseException | None = None
        self.write_failed = False
        """A file could not be written to its end."""
        self._files: list[EventFile] = []
        self._thread = Thread(target=self._run, name=name, daemon=True)

    _checks_input = True

    @abstractmethod
    def _run(self) -> None:
        """The thread: it calls `_end` at its end, and raises nothing."""

    @abstractmethod
    def _flush(self) -> None:
        """In the thread: end the current utterance."""

    @abstractmethod
    def _show_meter(self, *, last: bool = False) -> None:
        """In the thread: put a `Meter` into the updates when one is due."""

    def record_to(self, *files: "EventFile | None") -> None:
        """Before the start: write all events to these files. The caller closes them after the end."""
        self._files = [file for file in files if file is not None]

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the session; what is pending is read out, within about a second."""
        self._stop.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end; false if it has not come by then."""
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    @property
    def done(self) -> bool:
        """Whether everything has ended; what is left in `updates` are the last ones."""
        return self._done.is_set()

    @property
    def paused(self) -> bool:
        """What was requested last; it takes effect with the next read of the source."""
        return self._pause_requested

    def pause(self, paused: bool) -> None:
        """Read nothing, or go on; the session's clock stands still meanwhile. A microphone's utterance ends there."""
        self._pause_requested = paused
        self._commands.put(lambda: self._set_paused(paused))

    def flush(self) -> None:
        """End the current utterance now; the session goes on."""
        self._commands.put(self._flush)

    def updates(self) -> list[Update]:
        """What happened since the last call."""
        fresh: list[Update] = []
        while True:
            try:
                fresh.append(self._updates.get_nowait())
            except Empty:
                return fresh

    # --- in the thread

    def _put(self, update: Update) -> None:
        self._updates.put(update)
        self.on_update()

    def _end(self, *closers: Callable[[], object]) -> None:
        """Close everything, and say that all is over: whoever waits for that must learn of it, whatever fails here."""
        for close in closers:
            try:
                close()
            except BaseException as error:  # such as no thread for a microphone that closes slowly
                self.error = self.error or error
        self._done.set()
        self.on_update()

    def _run_commands(self) -> None:
        while not self._commands.empty():
            try:
                self._commands.get()()
            except EmoscopeError as error:  # the model has no baseline, or the session has ended meanwhile
                self._put(Notice(str(error)))

    def _set_paused(self, paused: bool) -> None:
        if self._capture.pause(paused) and paused and self._live:
            self._flush()

    def _write(self, event: "AnyEvent") -> None:
        """Write to every file; one that cannot be written is given up, with a notice."""
        for file in list(self._files):
            try:
                file.write(event)
            except EmoscopeError as error:
                self._files.remove(file)
                self._report_write_failure(error, str(file.path))

    def _report_write_failure(self, error: EmoscopeError, path: str = "") -> None:
        self.write_failed = True
        self._put(Notice(str(error), serious=True, ended=path))
