"""A session and what answers its requests, seen from the edge that drives it in real time."""

import time
from collections.abc import Callable, Hashable
from queue import Empty, SimpleQueue

from ..asr import Recognizer
from ..protocol.events import AnyEvent
from ..session.requests import Engine, Result, Transcribe
from ..session.session import Output, Session
from .load_shedding import expire_all, shed_load
from .recognizer_pool import RecognizerPool
from .rules import ChannelView, FinishDeadline, SecondCounter, StreamRules, StreamView, may_read_on, status
from .scheduler import BatchResults, Scheduler

BATCH = 8  # windows begun together: the rest of a backlog can still be cancelled
STOP_TIMEOUT_S = 1.2  # what is still computed when somebody stops the session may take so long
FINISH_TIMEOUT_S = 10.0  # the same at the end of a source
POLL_S = 0.05


class LiveSession:
    """Belongs to one thread.

    emit        takes the events in order
    waiting_s   audio that the source has captured and that was not read yet
    recognizer  answers `Transcribe`, where the session has a transcript; closed with this
    lossless    a recording: nothing is given up, and words are waited for
    clock       seconds that only go forward
    """

    def __init__(
        self,
        session: Session,
        engine: Engine,
        emit: Callable[[AnyEvent], None],
        waiting_s: Callable[[], float],
        recognizer: Recognizer | None = None,
        *,
        lossless: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.session, self._emit, self._waiting_s, self._clock = session, emit, waiting_s, clock
        self._lossless = lossless
        self._text_wait_s = None if lossless else session.config.text_wait_s
        self._arrived: SimpleQueue[tuple[list[Result], float]] = SimpleQueue()
        self._results: list[Result] = []
        self._busy_s = 0.0
        self.scheduler = Scheduler(engine, self._deliver, batch=BATCH, gather_s=0.0, clock=clock)
        recognizers = [] if recognizer is None else [recognizer]
        self.recognizers = RecognizerPool(recognizers, self._deliver_transcript, clock=clock)
        # What waited while the model was loaded does not show that the model is slow.
        self.rules = StreamRules(lagging_reported=True)
        self._seconds = SecondCounter()

    @property
    def view(self) -> StreamView:
        """How far the session has got, as the rules see it."""
        session = self.session
        return StreamView(
            audio_s=session.audio_s, channels=[ChannelView.of(session)], waiting_s=max(0.0, self._waiting_s())
        )

    @property
    def may_read_on(self) -> bool:
        """Whether a recording may be read on; a microphone always is."""
        return not self._lossless or may_read_on(self.view)

    def step(self, output: Output) -> None:
        """Emit the events, and queue the requests."""
        for event in output.events:
            self._emit(event)
        transcribe = [request for request in output.requests if isinstance(request, Transcribe)]
        self.scheduler.submit(self, [request for request in output.requests if not isinstance(request, Transcribe)])
        if transcribe:
            self.recognizers.submit(self, transcribe, self.session.audio_s, self._text_wait_s)

    def collect(self) -> None:
        """Apply the results that have arrived, and those of passes that are late by now."""
        self.recognizers.expire()
        while self._take(0.0):
            pass
        if self._results:
            results, self._results = self._results, []
            self.step(self.session.apply(results))

    def wait(self, timeout_s: float) -> None:
        """Wait until a result arrives, but not longer than that; `collect` applies it."""
        self._take(timeout_s)

    def shed(self) -> None:
        """Skip interims, or drop the oldest speech, as the rules say, and report it."""
        shed = shed_load(self.rules, self.scheduler, self.view, [(self, self.session)])
        if shed.lagging is not None:
            self._emit(shed.lagging)
        for channel in shed.channels:
            if channel.dropped is not None:
                self._emit(channel.dropped)
            self.step(channel.output)

    def status(self) -> None:
        """Emit a `status` for each second of audio, silence included."""
        for _ in range(self._seconds.passed(self.session.audio_s)):
            self._emit(status(self.view, self._busy_s))

    def finish(self, stopped: Callable[[], bool]) -> None:
        """Read out everything that is pending; report what is not ready by the deadline as missing.

        stopped   whether somebody has stopped the session: the deadline is short from then on
        """
        session, deadline, was_stopped = self.session, FinishDeadline(), False
        if not self._lossless:
            deadline.within(self._clock(), FINISH_TIMEOUT_S)
        self.step(session.finish())
        while session.pending():
            if stopped() and not was_stopped:
                was_stopped = True
                deadline.within(self._clock(), STOP_TIMEOUT_S)
            self.wait(POLL_S)
            self.collect()
            if deadline.passed(self._clock()):
                self._give_up()

    def close(self) -> None:
        """Begin nothing more; what is being computed is not waited for."""
        self.scheduler.close(timeout_s=0.0)
        self.recognizers.close()

    def _give_up(self) -> None:
        self.close()
        missing = self.rules.left_out(self.session.audio_s, ChannelView.of(self.session))
        if missing is not None:
            self._emit(missing)
        for event in expire_all(self.session):
            self._emit(event)

    def _take(self, timeout_s: float) -> bool:
        try:
            results, busy_s = self._arrived.get(timeout_s > 0.0, timeout_s)
        except Empty:
            return False
        self._results += results
        self._busy_s += busy_s
        return True

    # --- called in the threads of the scheduler and the recognizers

    def _deliver(self, batch: BatchResults) -> None:
        for _, results, busy_s in batch:
            self._arrived.put((results, busy_s))

    def _deliver_transcript(self, owner: Hashable, result: Result) -> None:
        self._arrived.put(([result], 0.0))
