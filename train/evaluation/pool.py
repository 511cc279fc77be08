"""Many sessions, one after the other or in a few processes; stopped in good order by Ctrl+C."""

import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from multiprocessing import active_children, get_context
from pathlib import Path

from emoscope.streamer import Config
from emoscope.streamer.asr import Recognizer, choose
from emoscope.streamer.engine.opening import open_engine

from ..corpora import Clip
from ..errors import Interrupted, TrainingError
from ..stop import StopRequest
from .conditions import Condition
from .listening import How, Listener
from .predictions import Heard
from .sessions import Planned

AHEAD = 8  # jobs handed to the processes before they are wanted
LOOK_S = 0.3  # between two looks whether the user wants to stop


@dataclass(frozen=True)
class Settings:
    """How all sessions are heard; `others` are the clips that babble is made of, `asr` names a recognizer."""

    how: How = "stream"
    config: Config | None = None
    others: tuple[Clip, ...] = ()
    asr: str = "none"


@dataclass(frozen=True)
class Job:
    """One session for the model in a folder, under one condition."""

    model: Path
    planned: Planned
    condition: Condition


class Worker:
    """Does jobs, each model loaded once."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._listeners: dict[Path, Listener] = {}
        choice = choose(settings.asr)
        self._recognizer = None if choice is None else Recognizer(choice)

    def __call__(self, job: Job) -> list[Heard]:
        if job.model not in self._listeners:
            opened = open_engine(job.model, precision="float32")
            how, config, others = self.settings.how, self.settings.config, self.settings.others
            self._listeners[job.model] = Listener(opened, how, config, others, self._recognizer)
        return self._listeners[job.model].hear(job.planned, job.condition)

    def close(self) -> None:
        """End the recognizer's process. One in a process of a pool ends with that."""
        if self._recognizer is not None:
            self._recognizer.close()


_worker: Worker | None = None


def _begin(settings: Settings) -> None:
    """In a new process: Ctrl+C is the parent's business."""
    global _worker  # noqa: PLW0603 - what a process of a pool keeps between jobs
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _worker = Worker(settings)


def _do(job: Job) -> list[Heard]:
    assert _worker is not None
    return _worker(job)


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Processes begun here inherit the block: Ctrl+C cannot break one that has not got as far as `_begin`."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


Do = Callable[[Sequence[Job]], list[list[Heard]]]


@contextmanager
def workers(settings: Settings, processes: int, on_job: Callable[[], None] = lambda: None) -> Iterator[Do]:
    """A function that does jobs and gives their results in order, in `processes` processes (1: in this one).

    It raises Interrupted after Ctrl+C: as soon as the session at hand is over, or at once where others do the work.
    """
    with StopRequest() as stop:

        def check() -> None:
            if stop.wanted:
                raise Interrupted("stopped")

        if processes == 1:
            worker = Worker(settings)

            def here(jobs: Sequence[Job]) -> list[list[Heard]]:
                found = []
                for job in jobs:
                    found.append(worker(job))
                    on_job()
                    check()
                return found

            try:
                yield here
            finally:
                worker.close()
            return
        pool = ProcessPoolExecutor(processes, get_context("spawn"), _begin, (settings,))

        def there(jobs: Sequence[Job]) -> list[list[Heard]]:
            found: list[list[Heard]] = [[] for _ in jobs]
            left = iter(enumerate(jobs))
            running: dict[Future[list[Heard]], int] = {}
            try:
                while True:
                    with _interrupts_blocked():
                        running |= {pool.submit(_do, job): i for i, job in islice(left, AHEAD - len(running))}
                    if not running:
                        return found
                    done, _ = wait(running, LOOK_S, FIRST_COMPLETED)
                    for future in done:
                        found[running.pop(future)] = future.result()
                        on_job()
                    check()
            except BrokenProcessPool:
                raise TrainingError(
                    "a process of the evaluation was killed, perhaps for want of memory; try --jobs 1"
                ) from None

        try:
            yield there
        finally:
            if stop.wanted:  # what they are at is not wanted any more
                for process in active_children():
                    process.terminate()
            pool.shutdown(wait=True, cancel_futures=True)
