"""An engine whose model is in a process of its own; if that breaks, another one is started."""

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from msgspec.structs import replace

from ..protocol.errors import EmoscopeError, RecordInvalid, UsageError
from ..session.requests import DetectVoice, Done, Encode, Failed, Read, Request, Result, Transcribe
from ..worker import SupervisedWorker, WorkerError, WorkerExited, WorkerState, WorkerUnavailable
from .messages import MESSAGES, Batch, BatchResults, ModelLoaded, ModelRequest

NAME = "the engine's process"
COMMAND = ("-m", "emoscope.streamer.engine.service")
BATCH_TIMEOUT_S = 20.0  # beyond what the windows of a batch explain
SLOWDOWN = 10.0  # a busy machine is that much slower than it was when the model was warmed
RESTART_WAIT_S = 60.0
RELOAD_TIMEOUT_S = 600.0  # the first loading has no limit: its model may have to be downloaded


class EngineUnavailable(EmoscopeError):
    """The model cannot be loaded in the engine's process; the message says why."""


class EngineProcess:
    """Answers windows and readings as `BatchEngine` does, bit for bit, from any thread.

    >>> with EngineProcess(ModelRequest(model="small")) as engine:     # doctest: +SKIP
    ...     contract = engine.check().contract
    ...     results = engine(requests)

    Loading begins at once; `check` waits for it. The requests of a process that ends or times out are `Failed`.
    Another process is started, and requests that come meanwhile wait for it.

    timeout_s       how long a batch may take beyond what its windows explain
    restart_wait_s  how long requests wait for another process
    on_change       called with `failure` when a loaded engine breaks and when it is back, in a thread of the engine's
    command         what Python runs as the process (tests)
    """

    def __init__(
        self,
        model: ModelRequest,
        *,
        timeout_s: float = BATCH_TIMEOUT_S,
        restart_wait_s: float = RESTART_WAIT_S,
        on_change: Callable[[str], None] = lambda failure: None,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self.timeout_s = timeout_s
        self.model_cpu_s = 0.0
        """Processor time of the model so far."""
        self._worker = SupervisedWorker(
            command,
            MESSAGES,
            model,
            name=NAME,
            load_timeout_s=None,
            reload_timeout_s=RELOAD_TIMEOUT_S,
            restart_wait_s=restart_wait_s,
            on_change=on_change,
            reload=_same_model,
        )

    @property
    def failure(self) -> str:
        """Why nothing is answered now; "" if all is well."""
        return self._worker.failure

    @property
    def unavailable(self) -> bool:
        """Whether the model could not be loaded, so that nothing will ever be answered."""
        return self._worker.state is WorkerState.UNAVAILABLE

    @property
    def pid(self) -> int:
        """Of the process, to measure it."""
        return self._worker.pid

    def check(self) -> ModelLoaded:
        """What was loaded; waits for it. UsageError or EngineUnavailable if it cannot be."""
        try:
            return self._worker.check()
        except WorkerUnavailable as error:
            raise (UsageError if error.usage else EngineUnavailable)(str(error)) from None

    def __call__(self, requests: Sequence[Request]) -> list[Result]:
        """One result for each request, in any order."""
        windows = [request for request in requests if isinstance(request, Encode)]
        reads = [request for request in requests if isinstance(request, Read)]
        results: list[Result] = [
            Failed(request.id, "no recognizer is here") for request in requests if isinstance(request, Transcribe)
        ]
        detections = [request for request in requests if isinstance(request, DetectVoice)]
        batch = Batch(windows=windows, reads=reads, detections=detections)
        try:
            answer = self._ask(batch)
        except WorkerError as error:
            return [*results, *_failed(batch, str(error))]
        except RecordInvalid as error:
            return [*results, *_failed(batch, f"{error}; use a smaller --batch")]
        self.model_cpu_s += answer.cpu_s
        results += [Done(number, value, infer_ms=ms) for number, ms, value in answer.windows]
        results += [Done(number, value, infer_ms=ms) for number, ms, value in answer.readings]
        results += [Done(number, value, infer_ms=ms) for number, ms, value in answer.detections]
        return [*results, *answer.failed]

    def close(self) -> None:
        """End the process, whatever it is doing."""
        self._worker.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, batch: Batch) -> BatchResults:
        """The process's response; a single request is tried again if the process ended, as it may not be the cause."""
        count = len(batch.windows) + len(batch.reads) + len(batch.detections)
        timeout_s = self.timeout_s + SLOWDOWN * self._window_s() * count
        try:
            return self._worker.ask(batch, timeout_s)
        except WorkerExited as error:
            if error.timed_out or count != 1:
                raise
        return self._worker.ask(batch, timeout_s)

    def _window_s(self) -> float:
        self._worker.wait_loaded()
        loaded = self._worker.loaded
        return loaded.window_s if loaded is not None else 0.0


def _same_model(request: ModelRequest, loaded: ModelLoaded) -> ModelRequest:
    """What another process is asked to load. Sessions hold states of the model that was opened first, so it is not
    chosen again, however slow the machine is by now."""
    return replace(request, model=loaded.model, engine=loaded.runtime, live=None)


def _failed(batch: Batch, message: str) -> list[Failed]:
    requests: list[Encode | Read | DetectVoice] = [*batch.windows, *batch.reads, *batch.detections]
    return [Failed(request.id, message) for request in requests]
