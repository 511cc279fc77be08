"""Recordings read by Ray Data: paths go to actors that hold the engine, and each recording's events come back."""

import logging
import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ...protocol.errors import ClusterError, EmoscopeError, UnreadableAudio
from ...protocol.events import AnyEvent, decode
from ...runtime.replay_service import ReplayLoad
from ..cluster import one_line
from .reader import BROKEN, ERROR, EVENTS, PATH, PLACE, Reader
from .room import Room, room

TRIES = 3
CHECK_TIMEOUT_S = 600.0


class RayJobs:
    """Reads recordings on the cluster that this process is a driver of. A recording is tried three times.

    A process that dies takes its task along: Ray starts another, and the recordings of the task are read in the next
    round, each in a task of its own. So one that kills its process cannot take others along twice.

    >>> with cluster(address):                                         # doctest: +SKIP
    ...     jobs = RayJobs(load, files, None)
    ...     for place, events in jobs.readings():
    ...         for event in events: ...
    """

    def __init__(self, load: ReplayLoad, files: Sequence[Path], jobs: int | None) -> None:
        import ray

        self._files = files
        self.room = room(ray.cluster_resources(), load.model.device, jobs)
        self._load = msgspec.structs.replace(load, model=msgspec.structs.replace(load.model, device=self.room.device))

    def check(self) -> None:
        """Open the model in one process of the cluster. ClusterError, with the reason, where it cannot be opened."""
        import ray

        reader = ray.remote(num_cpus=self.room.cpus, num_gpus=self.room.gpus)(Reader).remote(self._load, os.getcwd())
        try:
            broken = ray.get(reader.check.remote(), timeout=CHECK_TIMEOUT_S)
        except ray.exceptions.RayError as error:
            raise ClusterError(f"no process of the cluster can open the model: {one_line(error)}") from None
        finally:
            ray.kill(reader)
        if broken:
            raise ClusterError(f"the model cannot be opened on a node of the cluster: {broken}")

    def readings(self) -> Iterator[tuple[int, Iterator[AnyEvent]]]:
        """The place of each file with its events, then the error that it ended with, in the order they are done in.

        ClusterError where the cluster does not go on.
        """
        left = dict.fromkeys(range(len(self._files)))
        tries = 0
        while left and tries < TRIES:
            before = len(left)
            try:
                for place, events, error in _read(self._rows(left), self._load, self.room, alone=tries > 0):
                    if place in left:
                        del left[place]
                        yield place, _decoded(events, error)
                tries += 1
            except _Stopped as stopped:
                if len(left) == before:
                    raise ClusterError(f"the cluster does not go on: {stopped}") from None
        for place in left:
            died = f"the process that reads it died {TRIES} times; it may need more memory than a node has"
            yield place, _decoded(b"", f"{self._files[place]}: {died}")

    def _rows(self, places: Iterable[int]) -> list[dict[str, Any]]:
        return [{PLACE: place, PATH: os.fsencode(self._files[place])} for place in places]


class _Stopped(Exception):
    """Ray gave up on a whole round, and not on tasks of it."""


def _read(rows: list[dict[str, Any]], load: ReplayLoad, room: Room, *, alone: bool) -> Iterator[tuple[int, bytes, str]]:
    """One round: place, events and error of each recording, but for those whose process died."""
    import ray
    import ray.data

    _quieten()
    together = 1 if alone else room.together(len(rows))
    context = ray.data.DataContext.get_current()
    context.max_errored_blocks = -1  # a task that is lost is no reason to give up the others
    context.enable_progress_bars = False
    readers = min(room.readers, len(rows))
    compute = ray.data.ActorPoolStrategy(size=readers, max_tasks_in_flight_per_actor=1 if alone else None)
    with warnings.catch_warnings():
        # Ray 2.60 to 2.63 take it, and say that 2.64 will not; the extra in pyproject.toml stops before that one.
        warnings.filterwarnings("ignore", message="`ray_remote_args`")
        results = ray.data.from_items(rows, override_num_blocks=-(-len(rows) // together)).map_batches(
            Reader,
            fn_constructor_args=(load, os.getcwd()),
            batch_size=None,
            compute=compute,
            num_cpus=room.cpus,
            num_gpus=room.gpus or None,
            max_task_retries=0,
        )
    try:
        for batch in results.iter_batches(batch_size=None, batch_format="pyarrow"):
            for row in batch.to_pylist():
                if row[BROKEN]:
                    raise ClusterError(f"the model cannot be opened on a node of the cluster: {row[BROKEN]}")
                yield row[PLACE], row[EVENTS], row[ERROR]
    except EmoscopeError:
        raise
    except (ray.exceptions.RayError, RuntimeError, OSError, ValueError) as error:
        raise _Stopped(one_line(error)) from None


def _decoded(events: bytes, error: str) -> Iterator[AnyEvent]:
    for line in events.splitlines():
        yield decode(line)
    if error:
        raise UnreadableAudio(error)


def _quieten() -> None:
    """Ray Data's lines go to its log file alone."""
    for handler in logging.getLogger("ray.data").handlers:
        if not isinstance(handler, logging.FileHandler):
            handler.setLevel(logging.CRITICAL + 1)
