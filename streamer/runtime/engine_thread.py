"""An engine in a thread of its own: requests wait in line, can be taken back, and results are picked up when ready."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from threading import Condition, Thread

from ..session.requests import Done, Engine, Failed, Request, Result

AT_ONCE = 8  # requests begun together: the rest of a backlog can still be taken back


class EngineThread:
    """One session's engine. Nothing here waits for it but `settle`."""

    def __init__(self, engine: Engine, at_once: int = AT_ONCE) -> None:
        self._engine, self._at_once = engine, at_once
        self._line: list[tuple[float, Request]] = []
        self._ready: list[Result] = []
        self._working = False
        self._closed = False
        self._change = Condition()
        self.busy_s = 0.0
        """Wall time spent in the engine."""
        self._thread = Thread(target=self._work, name="emoscope engine", daemon=True)
        self._thread.start()

    def submit(self, requests: Sequence[Request]) -> None:
        """Put requests in line."""
        now = time.perf_counter()
        with self._change:
            self._line += [(now, request) for request in requests]
            self._change.notify_all()

    def take_back(self, unwanted: Callable[[Request], bool]) -> list[Request]:
        """Requests that were not begun and that `unwanted` holds for; they get no result from here any more."""
        with self._change:
            back = [request for _, request in self._line if unwanted(request)]
            self._line = [(since, request) for since, request in self._line if not unwanted(request)]
        return back

    def results(self) -> list[Result]:
        """What became ready since the last call."""
        with self._change:
            ready, self._ready = self._ready, []
        return ready

    def settle(self, timeout_s: float) -> bool:
        """Wait until a result is ready or nothing is going on; false after `timeout_s`."""
        with self._change:
            return self._change.wait_for(lambda: bool(self._ready) or not (self._line or self._working), timeout_s)

    def close(self) -> None:
        """Begin nothing more. What is being computed is left alone: its thread ends with the process at the latest."""
        with self._change:
            self._closed = True
            self._line = []
            self._change.notify_all()

    def _work(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._closed or bool(self._line))
                if self._closed:
                    return
                begun, self._line = self._line[: self._at_once], self._line[self._at_once :]
                self._working = True
            began = time.perf_counter()
            waited_ms = {request.id: (began - since) * 1e3 for since, request in begun}
            requests = [request for _, request in begun]
            try:
                results = self._engine(requests)
            except Exception as error:  # whatever a backend throws, the session must hear of it
                results = [Failed(request.id, f"{type(error).__name__}: {error}") for request in requests]
            with self._change:
                self.busy_s += time.perf_counter() - began
                self._ready += [
                    replace(result, queue_ms=round(waited_ms.get(result.id, 0.0), 3))
                    if isinstance(result, Done)
                    else result
                    for result in results
                ]
                self._working = False
                self._change.notify_all()
