"""An engine whose model lives in a process of its own; when that breaks, another takes its place."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from threading import Condition, Lock, Thread
from types import TracebackType
from typing import Self

from ..protocol.errors import EmoscopeError, UsageError
from ..session.requests import Done, Encode, Failed, Read, Request, Result
from ..worker.process import Gone, Process
from .wire import Answer, Batch, FromEngine, Ready, Unusable, Wanted, unpack

PATIENCE_S = 20.0  # beyond what the windows of a batch explain
RESTART_S = 60.0  # for which requests wait while another process takes a broken one's place
TIMES_WARM = 10.0  # a busy machine is that much slower than it was when the model was warmed
LOAD_S = 600.0  # for one that takes another's place; the first may be on its way here, and has all the time
PAUSES_S = (0.0, 1.0, 2.0, 5.0, 10.0)  # before the next start, by how many in a row did not last
LASTED_S = 10.0


class EngineUnavailable(EmoscopeError):
    """The engine's process cannot have its model; the message says why."""


class EngineProcess:
    """Answers windows and readings as `BatchEngine` does, bit for bit, from any thread.

    >>> with EngineProcess(Wanted(model="small")) as engine:           # doctest: +SKIP
    ...     contract = engine.check().contract
    ...     results = engine(requests)

    Loading begins at once; `check` waits for it. A process that ends or hangs takes the requests that it had with it:
    they are `Failed`. Another is started, and those that come meanwhile wait for it.

    patience_s  how long a batch may take beyond what its windows explain
    restart_s   for how long requests wait for another process
    command     what runs in the worker's place, for Python (tests)
    """

    def __init__(
        self,
        wanted: Wanted,
        *,
        patience_s: float = PATIENCE_S,
        restart_s: float = RESTART_S,
        command: Sequence[str] = ("-m", "emoscope.streamer.engine.worker_main"),
    ) -> None:
        self._wanted, self._command = wanted, command
        self._patience_s, self._restart_s = patience_s, restart_s
        self.trouble = "the model is being loaded"
        """Why nothing is answered now; "" when all is well."""
        self.changed: Callable[[str], None] = lambda _: None
        """Told when a loaded engine goes and comes back, with the trouble or ""; in a thread of the engine's."""
        self.model_cpu_s = 0.0
        """Processor time of the model so far."""
        self.pid = 0
        """Of the process, for whoever measures it."""
        self._ready: Ready | None = None
        self._refused: EmoscopeError | None = None
        self._process: Process[FromEngine] | None = None
        self._hopeless = False  # it could not be loaded again; it is tried, but nobody waits for that
        self._closed = False
        self._news = Condition()
        self._turn = Lock()  # one batch at a time; also guards the pipes of a process that has ended
        self._keeper = Thread(target=self._keep, name="emoscope engine process", daemon=True)
        self._keeper.start()

    def check(self) -> Ready:
        """What was loaded. Waits for it; UsageError or EngineUnavailable when it cannot be."""
        with self._news:
            self._news.wait_for(lambda: self._ready or self._refused or self._closed)
            if self._ready is None:
                raise self._refused or EngineUnavailable("the engine is closed")
            return self._ready

    def __call__(self, requests: Sequence[Request]) -> list[Result]:
        """One result a request, in any order."""
        windows = [request for request in requests if isinstance(request, Encode)]
        reads = [request for request in requests if isinstance(request, Read)]
        results: list[Result] = [
            Failed(request.id, "no recognizer is here")
            for request in requests
            if not isinstance(request, Encode | Read)
        ]
        try:
            answer = self._answered(Batch(windows=windows, reads=reads))
        except Gone as error:
            failed = [*(request.id for request in windows), *(request.id for request in reads)]
            return [*results, *(Failed(number, str(error)) for number in failed)]
        self.model_cpu_s += answer.cpu_s
        results += [Done(number, value, infer_ms=ms) for number, ms, value in answer.windows]
        results += [Done(number, value, infer_ms=ms) for number, ms, value in answer.readings]
        return [*results, *answer.failed]

    def close(self) -> None:
        """End the process, whatever it is doing."""
        with self._news:
            self._closed = True
            self.trouble = "the engine is closed"
            process = self._process
            self._news.notify_all()
        if process is not None:
            process.kill()
        self._keeper.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _answered(self, batch: Batch) -> Answer:
        """What the process answers; Gone. A lone request is asked again where the process ended: it may not be why."""
        lone = len(batch.windows) + len(batch.reads) == 1
        while True:
            process = self._running()
            with self._turn:
                if process is not self._process:
                    continue
                try:
                    return self._ask(process, batch)
                except Gone as error:
                    self._lose(process, str(error))
                    if error.hung or not lone or self._closed:
                        raise
                    lone = False

    def _running(self) -> Process[FromEngine]:
        """The process that answers now; waits for one that is being started, Gone when none comes."""
        with self._news:
            self._news.wait_for(lambda: not self.trouble or self._hopeless or self._closed, self._restart_s)
            if self.trouble or self._process is None:
                raise Gone(self.trouble)
            return self._process

    def _ask(self, process: Process[FromEngine], batch: Batch) -> Answer:
        assert self._ready is not None
        count = len(batch.windows) + len(batch.reads)
        within_s = self._patience_s + TIMES_WARM * self._ready.window_s * count
        process.send(batch, within_s)
        answer = process.receive(within_s)
        if not isinstance(answer, Answer):
            raise Gone("the engine's process does not keep to its part")
        return answer

    def _lose(self, process: Process[FromEngine], why: str) -> None:
        """That process answers no more."""
        with self._news:
            if self._process is process and not self.trouble:
                self.trouble = why
        process.kill()

    def _keep(self) -> None:
        """In a thread of its own: there is a process, as long as the engine is not closed."""
        short = 0
        while True:
            began = time.monotonic()
            why = self._live()
            if self._closed or self._refused:
                return
            self._tell(why)
            short = 0 if time.monotonic() - began > LASTED_S else short
            with self._news:
                if self._news.wait_for(lambda: self._closed, PAUSES_S[short]):
                    return
            short = min(short + 1, len(PAUSES_S) - 1)

    def _live(self) -> str:
        """One process, from its start to its end; how that came."""
        first = self._ready is None
        try:
            process = Process[FromEngine](self._command, partial(unpack, kind=FromEngine, copy=True))
        except OSError as error:
            return self._refuse(Unusable(message=f"no process can be started: {error.strerror}", usage=False))
        with self._news:
            if self._closed:
                process.kill()
            self._process, self.pid = process, process.pid
        why = self._load(process)
        if not why:
            self._tell("", aloud=not first)
            process.wait()
            why = self.trouble or process.how_it_ended()
        with self._turn, self._news:
            self._process = None
            self.trouble = self.trouble or why
            process.close()
        return why

    def _load(self, process: Process[FromEngine]) -> str:
        """Why it cannot be used, or ""."""
        try:
            process.send(self._wanted, LOAD_S)
            told = process.receive(None if self._ready is None else LOAD_S)
        except Gone as error:
            told = Unusable(message=str(error), usage=False)
        if not isinstance(told, Ready):
            return self._refuse(told)
        with self._news:
            self._ready, self._hopeless = told, False
            self._news.notify_all()
        return ""

    def _refuse(self, told: FromEngine) -> str:
        """The model cannot be had now; when it never could, that is the end."""
        why = told.message if isinstance(told, Unusable) else "the engine's process does not keep to its part"
        with self._news:
            self._hopeless = True
            if self._ready is None:
                usage = isinstance(told, Unusable) and told.usage
                self._refused = UsageError(why) if usage else EngineUnavailable(why)
            self._news.notify_all()
        return why

    def _tell(self, trouble: str, *, aloud: bool = True) -> None:
        with self._news:
            if self._closed:
                return
            self.trouble = trouble
            self._news.notify_all()
        if aloud:
            self.changed(trouble)
