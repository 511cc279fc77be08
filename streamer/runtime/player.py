"""What a microphone here and one that a server reads have in common: a thread, its wishes, and its news."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Event as Flag
from threading import Thread
from typing import TYPE_CHECKING

from ..protocol.errors import EmoscopeError
from .news import News, Note

if TYPE_CHECKING:
    from ..protocol.events import AnyEvent
    from ..sinks.event_file import EventFile

READ_S = 0.05  # how long one look at the source may wait
TICK_S = 0.1  # a display is told the level and the lag that often
ENROLL_S = 10.0  # of calm speech tell how a voice sounds


class ThreadedPlayer(ABC):
    """A `Player` that works in a thread of its own. `news()` says what happens, `error` why it ended early.

    What others ask for is put into `_asked`, and done in the thread.
    """

    def __init__(self, name: str) -> None:
        self._news: SimpleQueue[News] = SimpleQueue()
        self._asked: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._stop, self._done = Flag(), Flag()
        self._paused, self._wish = False, False
        self.error: BaseException | None = None
        self.troubled = False
        """A file could not be written to its end."""
        self._files: list[EventFile] = []
        self._thread = Thread(target=self._run, name=name, daemon=True)

    @abstractmethod
    def _run(self) -> None:
        """The thread: it ends with `_done` set, and raises nothing."""

    @abstractmethod
    def _hold(self, paused: bool) -> None:
        """In the thread: hear nothing, or go on."""

    def keep(self, *files: "EventFile | None") -> None:
        """Before the start: write all events. The caller closes the files after the end."""
        self._files = [file for file in files if file is not None]

    def _write(self, event: "AnyEvent") -> None:
        """Into every file that is kept; one that takes no more is left, and that is said."""
        for file in list(self._files):
            try:
                file.write(event)
            except EmoscopeError as error:
                self._files.remove(file)
                self.troubled = True
                self._news.put(Note(str(error), serious=True, ended=str(file.path)))

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Let what is pending be read out, within about a second, and end."""
        self._stop.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end; false if it has not come by then."""
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    @property
    def done(self) -> bool:
        """Everything has ended; what is left in `news` is the last of it."""
        return self._done.is_set()

    @property
    def paused(self) -> bool:
        """What was asked for last; it comes true with the next look at the source."""
        return self._wish

    def pause(self, paused: bool) -> None:
        """Hear nothing, or go on; the session's clock stands still meanwhile. A microphone's utterance ends there."""
        self._wish = paused
        self._asked.put(lambda: self._hold(paused))

    def news(self) -> list[News]:
        """What came since the last call."""
        fresh: list[News] = []
        while True:
            try:
                fresh.append(self._news.get_nowait())
            except Empty:
                return fresh
