"""How many processes read on a cluster, and what each of them takes of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from ...protocol.errors import ClusterError, UsageError

READERS_PER_GPU = 4
MOST_TOGETHER = 8  # recordings of one task: what one loses when its process dies
TASKS_PER_READER = 4  # at least, so that no process waits long for the last one


@dataclass(frozen=True)
class Room:
    """What the processes that read take.

    readers  how many there are
    cpus     that each takes
    gpus     the share of a GPU that each takes; 0 for none
    device   where the model runs
    """

    readers: int
    cpus: int
    gpus: float
    device: str

    def together(self, recordings: int) -> int:
        """How many recordings a task has."""
        return max(1, min(MOST_TOGETHER, recordings // (TASKS_PER_READER * self.readers)))


def room(resources: Mapping[str, float], device: str, jobs: int | None) -> Room:
    """What the cluster has room for.

    resources  of the whole cluster, as `ray.cluster_resources()` gives them
    device     as `--device`: with `auto`, four processes share a GPU where the cluster has one
    jobs       the most processes; None for as many as there is room for

    ClusterError where there is no room for one; UsageError for a GPU by its number.
    """
    if ":" in device:
        raise UsageError(f"--device {device}: with --ray, the cluster chooses the GPU; use cuda")
    cpus, gpus = int(resources.get("CPU", 0)), int(resources.get("GPU", 0))
    if device == "cuda" and not gpus:
        raise ClusterError("--device cuda: the cluster has no GPU; `ray start --num-gpus N` says how many a node has")
    if not cpus:
        raise ClusterError("the cluster has no CPU for a process that reads; `ray status` shows what it has")
    on_gpu = gpus > 0 and device != "cpu"
    most = min(cpus, gpus * READERS_PER_GPU) if on_gpu else cpus
    readers = min(most, jobs or most)
    return Room(readers, 1, 1 / READERS_PER_GPU if on_gpu else 0.0, "cuda" if on_gpu else "cpu")
