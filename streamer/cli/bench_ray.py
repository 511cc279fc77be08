"""`emoscope bench ray`: recordings and live streams on a Ray cluster, beside one machine without."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ..distributed.cluster import LOCAL
from ..protocol.errors import UsageError
from .options import DEMO, MeasuredModelOptions
from .ray_options import RayAddress


@dataclass(frozen=True, kw_only=True)
class BenchRay:
    """Measure recordings on Ray beside a plain replay, and live streams beside one server."""

    paths: Annotated[
        tuple[Path, ...], Parameter(name="FILE", help="recordings, or folders of recordings (the demo recording)")
    ] = field(kw_only=False, default=(DEMO,))
    copies: Annotated[int, Parameter(help="how often each recording is read", metavar="N")] = 40
    workers: Annotated[
        tuple[int, ...],
        Parameter(help="numbers of processes to measure, one after another", metavar="N...", consume_multiple=True),
    ] = (1, 2)
    streams: Annotated[
        int, Parameter(help="live streams, through one server and through Ray Serve; 0 measures none", metavar="N")
    ] = 10
    seconds: Annotated[float, Parameter(help="length of each measurement of live streams", metavar="S")] = 20.0
    store: Annotated[
        str | None,
        Parameter(help="where the live streams' sessions are kept (a redis-server of its own)", metavar="REDIS"),
    ] = None
    json: Annotated[bool, Parameter(help="print the figures of recordings as JSON, and nothing else")] = False
    model: MeasuredModelOptions = field(default_factory=MeasuredModelOptions)
    ray: RayAddress = LOCAL

    def __post_init__(self) -> None:
        """UsageError for numbers that make no sense."""
        if self.copies < 2:
            raise UsageError(f"--copies {self.copies}: must be at least 2, because the first waits for the model")
        if not self.workers or min(self.workers) < 1:
            raise UsageError("--workers: must be at least 1")
        if self.streams < 0 or self.seconds <= 0:
            raise UsageError("--streams: must be at least 0, and --seconds more than 0")

    def run(self) -> int:
        """Print each row as soon as it is measured; 1 where finals differ."""
        from ..bench.ray_archives import print_archives
        from ..sources.listing import recordings

        files = recordings(self.paths) * self.copies
        same = print_archives(files, self.model.request(), self.workers, self.ray or LOCAL, as_json=self.json)
        if self.streams and not self.json:
            from ..bench.ray_live import print_hop

            print_hop(self.model.request().model, files[0], self.streams, self.seconds, self.store)
        return 0 if same else 1
