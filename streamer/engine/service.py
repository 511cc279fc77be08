"""The engine's process: `python -m emoscope.streamer.engine.service`, started by `EngineProcess`."""

import time
from typing import Any

from ..protocol.errors import UsageError
from ..session.requests import Done, Engine, Failed, Request, Result, Summary, VoiceProbabilities
from ..worker.child import one_line, run
from ..worker.failures import FailuresInARow
from .live_check import LiveModel, measured_window_s, open_live
from .messages import MESSAGES, Batch, BatchResults, ModelLoaded, ModelRequest


class EngineService:
    """Loads a model and answers batches."""

    messages = MESSAGES
    _engine: Engine

    def __init__(self) -> None:
        self._failures = FailuresInARow()

    def load(self, load: ModelRequest) -> ModelLoaded:
        """Load the model and warm it. UsageError if the device or the batch is not possible."""
        from .fusing import shipped_branch

        live = _open(load)
        if load.words:
            shipped_branch()
        self._engine = live.opened.engine
        return ModelLoaded(
            contract=live.opened.contract,
            model=live.name,
            batch=live.opened.batch,
            window_s=measured_window_s(live.opened.engine),
            too_slow=live.too_slow,
            runtime=live.opened.runtime,
            note=live.opened.note,
        )

    def answer(self, request: Batch) -> BatchResults:
        """One result for each request; if the engine raises, each is `Failed`.

        ServiceBroken where nothing was encoded or read for some seconds: a device that has failed once, such as a GPU,
        may fail for as long as its process lives.
        """
        requests: list[Request] = [*request.windows, *request.reads, *request.detections]
        began = time.thread_time()
        try:
            results = self._engine(requests)
        except Exception as error:  # whatever a backend raises, the sessions have to be told
            results = [Failed(one.id, one_line(error)) for one in requests]
            if not isinstance(error, UsageError):  # which another process would raise as well
                self._failures.note(one_line(error), time.monotonic())
        else:
            heard = {one.id for one in request.detections}  # by another network, which may be missing
            if asked := [result for result in results if result.id not in heard]:
                self._failures.note(_failure_of_all(asked), time.monotonic())
        answer = BatchResults(windows=[], readings=[], detections=[], failed=[], cpu_s=time.thread_time() - began)
        for result in results:
            if isinstance(result, Failed):
                answer.failed.append(result)
            elif isinstance(result, Done):
                _values_of(answer, result.value).append((result.id, result.infer_ms, result.value))
        return answer


def _failure_of_all(results: list[Result]) -> str:
    """What the first one says, where each of them has failed; else ""."""
    failed = [result.message for result in results if isinstance(result, Failed)]
    return failed[0] if len(failed) == len(results) else ""


def _open(load: ModelRequest) -> LiveModel:
    from .opening import open_engine

    how: dict[str, Any] = {
        "device": load.device, "threads": load.threads, "batch": load.batch, "engine": load.engine,
        "many_sessions": True,
    }  # fmt: skip
    if load.live is None:
        return LiveModel(open_engine(load.model, **how), load.model)
    return open_live(load.model, load.live, **how)


def _values_of(answer: BatchResults, value: object) -> list[Any]:
    """The list of a batch's results that a value belongs to."""
    if isinstance(value, Summary):
        return answer.windows
    return answer.detections if isinstance(value, VoiceProbabilities) else answer.readings


if __name__ == "__main__":
    run(EngineService())
