"""`emoscope bench ray`: recordings by processes on Ray beside a plain replay, in one run."""

import json
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from ..distributed.archives.jobs import RayJobs
from ..distributed.cluster import cluster
from ..engine.messages import ModelRequest
from ..engine.opening import open_engine
from ..protocol.config import Config
from ..protocol.events import AnyEvent, EmotionFinal, SessionClosed
from ..runtime.replay import replay
from ..runtime.replay_service import ReplayLoad
from ..sources.input_format import AS_IT_IS
from .serve import print_machine

PLAIN = 0
HEAD = f"{'processes on Ray':<18} {'begins after':>12} {'x real time':>12} {'beside plain':>13} {'other finals':>13}"


@dataclass(frozen=True)
class ArchiveCost:
    """What reading the recordings took.

    readers    processes on Ray; 0 for a plain replay in this process
    begins_s   until the events of the first recording were there: processes start, and open the model
    speed      seconds of sound that were read in a second of wall time, from then on
    different  finals that are not those of the plain replay, by label
    """

    readers: int
    begins_s: float
    speed: float
    different: int


def print_archives(files: Sequence[Path], model: ModelRequest, readers: Sequence[int], address: str, *, as_json: bool
                   ) -> bool:  # fmt: skip
    """Read the files in this process, then on Ray by each number of processes, and print a row for each.

    False where a final differs from the plain replay's. ClusterError where there is no cluster.
    """
    if not as_json:
        print_machine()
        print(HEAD)
    load = ReplayLoad(model=model, config=Config(pace="fast", interim=False), input=AS_IT_IS)
    plain, labels = _plain(files, load)
    costs = [plain]
    _print(plain, plain, as_json)
    with ExitStack() as stack:
        stack.enter_context(cluster(address))
        for number in readers:
            costs.append(_on_ray(files, load, number, labels))
            _print(costs[-1], plain, as_json)
    if as_json:
        print(json.dumps({"archives": [asdict(cost) for cost in costs]}))
    return not any(cost.different for cost in costs)


def _plain(files: Sequence[Path], load: ReplayLoad) -> tuple[ArchiveCost, list[list[str]]]:
    """One process and one thread, without Ray."""
    began = time.perf_counter()
    asked = load.model
    opened = open_engine(asked.model, device=asked.device, threads=asked.threads, engine=asked.engine)
    found: list[list[str]] = []
    first_s = audio_s = 0.0
    for number, file in enumerate(files):
        labels, seconds = _told(list(replay(file, opened, config=load.config)))
        found.append(labels)
        if number:
            audio_s += seconds
        else:
            first_s = time.perf_counter() - began
    return ArchiveCost(PLAIN, first_s, audio_s / (time.perf_counter() - began - first_s), 0), found


def _on_ray(files: Sequence[Path], load: ReplayLoad, readers: int, expected: Sequence[list[str]]) -> ArchiveCost:
    began = time.perf_counter()
    jobs = RayJobs(load, files, readers)
    first_s = audio_s = 0.0
    different = 0
    for place, events in jobs.readings():
        labels, seconds = _told(list(events))
        different += sum(one != other for one, other in zip(labels, expected[place], strict=False))
        different += abs(len(labels) - len(expected[place]))
        if first_s:
            audio_s += seconds
        else:
            first_s = time.perf_counter() - began
    took_s = time.perf_counter() - began - first_s
    return ArchiveCost(jobs.room.readers, first_s, audio_s / took_s, different)


def _told(events: Sequence[AnyEvent]) -> tuple[list[str], float]:
    """The labels of a recording's finals, and its length in seconds."""
    labels = [event.label for event in events if isinstance(event, EmotionFinal)]
    return labels, max((event.totals.audio_s for event in events if isinstance(event, SessionClosed)), default=0.0)


def _print(cost: ArchiveCost, plain: ArchiveCost, as_json: bool) -> None:
    if as_json:
        return
    name = "none: plain replay" if cost.readers == PLAIN else str(cost.readers)
    beside = cost.speed / plain.speed
    print(f"{name:<18} {cost.begins_s:>10.1f} s {cost.speed:>12.1f} {beside:>12.2f}x {cost.different:>13}", flush=True)
