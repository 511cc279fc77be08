"""Recordings read by several processes at once, and their events in the order of the files."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Self

from ..protocol.errors import EmoscopeError, UnreadableAudio
from ..protocol.events import AnyEvent, decode
from ..worker import SupervisedWorker, WorkerError
from .replay_service import MESSAGES, Part, ReadPart, ReplayLoad, ReplayReady

COMMAND = ("-m", "emoscope.streamer.runtime.replay_service")
PART_TIMEOUT_S = 3_600.0
RESTART_WAIT_S = 120.0
AHEAD = 2  # recordings that each process may be ahead of the one whose events are taken

Worker = SupervisedWorker[ReplayLoad, ReplayReady, ReadPart, Part]


class ReplayJobs:
    """Processes that read recordings.

    >>> with ReplayJobs(load, 4, files) as jobs:                       # doctest: +SKIP
    ...     for place in range(len(files)):
    ...         for event in jobs.events(place): ...
    """

    def __init__(self, load: ReplayLoad, jobs: int, files: Sequence[Path]) -> None:
        self._files = files
        self._workers: list[Worker] = [
            SupervisedWorker(
                COMMAND,
                MESSAGES,
                load,
                name="a process that reads recordings",
                load_timeout_s=None,
                reload_timeout_s=RESTART_WAIT_S,
                restart_wait_s=RESTART_WAIT_S,
            )
            for _ in range(min(jobs, max(1, len(files))))
        ]
        self._free: SimpleQueue[Worker] = SimpleQueue()
        for worker in self._workers:
            self._free.put(worker)
        self._pool = ThreadPoolExecutor(len(self._workers), "emoscope replay")
        self._reading: dict[int, Future[tuple[list[bytes], EmoscopeError | None]]] = {}
        self._begun = 0
        self._closed = False

    def check(self) -> None:
        """Wait until the first process has loaded the model. WorkerUnavailable, with the reason, if it cannot."""
        self._workers[0].check()

    def events(self, place: int) -> Iterator[AnyEvent]:
        """The events of the file at that place, which are asked for in order; then the error that it ended with."""
        while self._begun < min(len(self._files), place + 1 + AHEAD * len(self._workers)):
            self._reading[self._begun] = self._pool.submit(self._read, self._files[self._begun])
            self._begun += 1
        events, error = self._reading.pop(place).result()
        for event in events:
            yield decode(event)
        if error is not None:
            raise error

    def _read(self, file: Path) -> tuple[list[bytes], EmoscopeError | None]:
        worker = self._free.get()
        events: list[bytes] = []
        try:
            path: bytes | None = os.fsencode(file)
            while not self._closed:
                part = worker.ask(ReadPart(path=path), PART_TIMEOUT_S)
                events += part.events
                path = None
                if part.done:
                    return events, UnreadableAudio(part.error) if part.error else None
        except WorkerError as error:
            return events, UnreadableAudio(f"{file}: {error}")
        finally:
            self._free.put(worker)
        return events, UnreadableAudio(f"{file}: was not read to its end")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        for worker in self._workers:
            worker.close()
        self._pool.shutdown(wait=False, cancel_futures=True)
