"""A pool that runs sessions in this process or in several; Ctrl+C stops it cleanly."""

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
from .predictions import ClipPredictions
from .runner import How, SessionRunner
from .sessions import PlannedSession

AHEAD = 8  # jobs that are submitted ahead
POLL_S = 0.3  # between two checks for Ctrl+C


@dataclass(frozen=True)
class Settings:
    """Settings of all sessions.

    others           the clips that babble noise is made of
    asr              name of a recognizer
    device, threads  where the models run, as `open_engine` takes them
    """

    how: How = "stream"
    config: Config | None = None
    others: tuple[Clip, ...] = ()
    asr: str = "none"
    device: str = "auto"
    threads: int | None = None


@dataclass(frozen=True)
class Job:
    """One session for the model in a folder, under one condition."""

    model: Path
    planned: PlannedSession
    condition: Condition


class Worker:
    """Runs jobs and loads each model once."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._runners: dict[Path, SessionRunner] = {}
        choice = choose(settings.asr)
        self._recognizer = None if choice is None else Recognizer(choice)

    def __call__(self, job: Job) -> list[ClipPredictions]:
        if job.model not in self._runners:
            settings = self.settings
            opened = open_engine(
                job.model, device=settings.device, threads=settings.threads, precision="float32", engine="torch"
            )
            how, config, others = settings.how, settings.config, settings.others
            self._runners[job.model] = SessionRunner(opened, how, config, others, self._recognizer)
        return self._runners[job.model].predict(job.planned, job.condition)

    def close(self) -> None:
        """End the recognizer's process. In a process of the pool it ends with that process."""
        if self._recognizer is not None:
            self._recognizer.close()


_worker: Worker | None = None


def _initialize(settings: Settings) -> None:
    """Initialize a process of the pool; the parent alone handles Ctrl+C."""
    global _worker  # noqa: PLW0603 - a process of the pool keeps it between jobs
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _worker = Worker(settings)


def _run_job(job: Job) -> list[ClipPredictions]:
    assert _worker is not None
    return _worker(job)


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Block SIGINT in processes that start here, so that Ctrl+C cannot break one before `_initialize` has run."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


RunJobs = Callable[[Sequence[Job]], list[list[ClipPredictions]]]


@contextmanager
def workers(settings: Settings, processes: int, on_job: Callable[[], None] = lambda: None) -> Iterator[RunJobs]:
    """A function that runs jobs in `processes` processes (1: in this one) and returns their results in order.

    After Ctrl+C it raises Interrupted: at the end of the current session in this process, at once with several.
    """
    with StopRequest() as stop:

        def check() -> None:
            if stop.wanted:
                raise Interrupted("stopped")

        if processes == 1:
            worker = Worker(settings)

            def run_here(jobs: Sequence[Job]) -> list[list[ClipPredictions]]:
                found = []
                for job in jobs:
                    found.append(worker(job))
                    on_job()
                    check()
                return found

            try:
                yield run_here
            finally:
                worker.close()
            return
        pool = ProcessPoolExecutor(processes, get_context("spawn"), _initialize, (settings,))

        def run_in_pool(jobs: Sequence[Job]) -> list[list[ClipPredictions]]:
            found: list[list[ClipPredictions]] = [[] for _ in jobs]
            left = iter(enumerate(jobs))
            running: dict[Future[list[ClipPredictions]], int] = {}
            try:
                while True:
                    with _interrupts_blocked():
                        running |= {pool.submit(_run_job, job): i for i, job in islice(left, AHEAD - len(running))}
                    if not running:
                        return found
                    done, _ = wait(running, POLL_S, FIRST_COMPLETED)
                    for future in done:
                        found[running.pop(future)] = future.result()
                        on_job()
                    check()
            except BrokenProcessPool:
                raise TrainingError(
                    "a process of the evaluation was killed, perhaps because memory ran out; try --jobs 1"
                ) from None

        try:
            yield run_in_pool
        finally:
            if stop.wanted:  # the results of running jobs are not needed any more
                for process in active_children():
                    process.terminate()
            pool.shutdown(wait=True, cancel_futures=True)
