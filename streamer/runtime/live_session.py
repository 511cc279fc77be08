"""A session and its engine's thread, seen from the edge: how far behind, what is given up, what is told each second."""

import time
from collections.abc import Callable, Iterable

from ..protocol.config import SAMPLE_RATE
from ..protocol.events import AnyEvent, Lag, Limits, Status, WarningEvent
from ..session.requests import Dropped, Encode, Engine, Late, Request, Transcribe
from ..session.session import Output, Session
from .engine_thread import EngineThread
from .words_line import WordsLine

SKIP_LAG_S = 2.0  # past this lag interim readings are skipped
FINISH_S = 1.2  # after a wish to stop, what is still computed may take so long
PATIENCE_S = 10.0  # the same at the end of a source
POLL_S = 0.05


class LiveSession:
    """Belongs to one thread. `emit` takes the events in order; `waiting_s` tells what the source still holds.

    words  answers `Transcribe`, where the session has a transcript; `lossless` waits for it
    """

    def __init__(
        self,
        session: Session,
        engine: Engine,
        emit: Callable[[AnyEvent], None],
        waiting_s: Callable[[], float],
        words: Engine | None = None,
        *,
        lossless: bool = False,
    ) -> None:
        self.session, self._emit, self._waiting_s = session, emit, waiting_s
        self.engine = EngineThread(engine)
        self.words = None if words is None else WordsLine(words, None if lossless else session.config.text_wait_s)
        self._next_status_s = 1.0
        self._skipping = True  # what waited while the model was loaded is no sign that the model is slow

    @property
    def lag_s(self) -> float:
        """Audio heard but not yet read out, in seconds."""
        return self.session.audio_s - self.session.read_s + self._waiting_s()

    @property
    def words_lag_s(self) -> float:
        """Audio heard of which the words that were wanted are not there yet, in seconds."""
        return self.session.audio_s - self.session.transcribed_s

    def step(self, output: Output) -> None:
        """Let the events out, and put the requests in line."""
        for event in output.events:
            self._emit(event)
        spoken = [request for request in output.requests if isinstance(request, Transcribe)]
        self.engine.submit([request for request in output.requests if not isinstance(request, Transcribe)])
        if self.words is not None:
            self.words.submit(spoken, self.session.audio_s)

    def collect(self) -> None:
        """Apply what the engine and the recognizer have ready."""
        results = self.engine.results()
        if self.words is not None:
            results += self.words.results()
        if results:
            self.step(self.session.apply(results))

    def settle(self, timeout_s: float) -> None:
        """Wait a while for something to be ready."""
        if self.words is not None and self.words.busy and self.session.read_s >= self.session.transcribed_s:
            self.words.settle(timeout_s)
        else:
            self.engine.settle(timeout_s)

    def close(self) -> None:
        """Begin nothing more."""
        self.engine.close()
        if self.words is not None:
            self.words.close()

    def relieve(self) -> None:
        """Past 2 s of lag interims are skipped; past the backlog's limit the oldest speech is, and both are said."""
        lag = self.lag_s
        if lag < SKIP_LAG_S:
            self._skipping = False
            return
        if not self._skipping:
            self._skipping = True
            self._emit(
                WarningEvent(
                    code="lagging",
                    message=f"{lag:.1f} s behind: the model is slower than the speech; interim readings are skipped",
                    start=round(self.session.audio_s, 3),
                )
            )
        interim = self.session.interim_requests()
        self._drop(self.engine.take_back(lambda request: request.id in interim))
        if lag > Limits().max_backlog_s:
            back = self.engine.take_back(lambda request: isinstance(request, Encode))
            windows = [request.window for request in back if isinstance(request, Encode)]
            if windows:
                message = "the model is too slow: speech is left out"
                self._lost(message, windows[0].own_start / SAMPLE_RATE, windows[-1].own_end / SAMPLE_RATE)
            self._drop(back)

    def _drop(self, requests: Iterable[Request]) -> None:
        if dropped := [Dropped(request.id) for request in requests]:
            self.step(self.session.apply(dropped))

    def _lost(self, message: str, start: float, end: float) -> None:
        self._emit(WarningEvent(code="audio_dropped", message=message, start=round(start, 3), end=round(end, 3)))

    def finish(self, stopped: Callable[[], bool], *, lossless: bool) -> None:
        """Everything pending is read out; what is not ready by the deadline is said to be missing.

        stopped   somebody wants to leave: the deadline is short then
        lossless  there is no deadline unless somebody wants to leave
        """
        session = self.session
        began = time.monotonic()
        self.step(session.finish())
        while session.pending():
            self.settle(POLL_S)
            self.collect()
            limit = FINISH_S if stopped() else PATIENCE_S
            if (lossless and not stopped()) or time.monotonic() - began < limit:
                continue
            self.close()
            if session.read_s < session.audio_s:
                message = "the model was not ready in time: the last speech is left out"
                self._lost(message, session.read_s, session.audio_s)
            while unanswered := session.pending():
                for event in session.apply([Late(request.id) for request in unanswered]).events:
                    self._emit(event)

    def status(self) -> None:
        """One a second of audio, silence included."""
        session = self.session
        while session.audio_s >= self._next_status_s:
            self._next_status_s += 1.0
            self._emit(
                Status(
                    audio_s=session.audio_s,
                    processed_s=session.processed_s,
                    lag_s=Lag(audio=round(self.lag_s, 3), text=round(self.words_lag_s, 3)),
                    dropped_s=session.dropped_s,
                    rtf=round(self.engine.busy_s / session.audio_s, 5),
                    level_dbfs=round(session.level_dbfs, 1),
                )
            )
