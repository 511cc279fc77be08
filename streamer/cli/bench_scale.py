"""`emoscope bench scale`: what a fleet of servers takes."""

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from ..protocol.errors import UsageError

MOST_STREAMS, MOST_ZONES, LONGEST_SESSION_S = 1_000_000_000, 100, 86_400.0


@dataclass(frozen=True, kw_only=True)
class BenchScale:
    """Work out what many live streams take, from measured costs, and simulate a lost zone and a drain."""

    streams: Annotated[int, Parameter(help="streams that are open at once", metavar="N")] = 1_000_000
    cores: Annotated[int, Parameter(help="cores of a machine", metavar="N")] = 64
    utilization: Annotated[
        float, Parameter(help="share of the processor time that live audio may take", metavar="SHARE")
    ] = 0.6
    zones: Annotated[int, Parameter(help="zones, of which one may be lost", metavar="N")] = 3
    mean_s: Annotated[float, Parameter(help="mean length of a session in seconds", metavar="S")] = 300.0
    hour: Annotated[float | None, Parameter(help="what a core costs an hour, in any money", metavar="PRICE")] = None
    seed: Annotated[int, Parameter(help="of the simulation", metavar="N")] = 0

    def __post_init__(self) -> None:
        """UsageError for numbers that make no fleet."""
        for name in ("streams", "cores"):
            if not 1 <= getattr(self, name) <= MOST_STREAMS:
                raise UsageError(f"--{name} {getattr(self, name)}: must be from 1 to {MOST_STREAMS}")
        if not 2 <= self.zones <= MOST_ZONES:
            raise UsageError(f"--zones {self.zones}: must be from 2 to {MOST_ZONES}, because one may be lost")
        if not 0.01 <= self.utilization < 1.0:
            raise UsageError(f"--utilization {self.utilization}: must be from 0.01 to less than 1")
        if not 1.0 <= self.mean_s <= LONGEST_SESSION_S:
            raise UsageError(f"--mean-s {self.mean_s}: must be from 1 to {LONGEST_SESSION_S:g} seconds")
        if self.hour is not None and not 0.0 <= self.hour < float("inf"):
            raise UsageError(f"--hour {self.hour}: must be a price, 0 or more")
        if self.seed < 0:
            raise UsageError(f"--seed {self.seed}: must be 0 or more")

    def run(self) -> int:
        """Print the table."""
        from ..bench.scale import Fleet, lines

        fleet = Fleet(
            streams=self.streams, cores=self.cores, utilization=self.utilization, zones=self.zones, hour=self.hour
        )
        print("\n".join(lines(fleet, self.mean_s, self.seed)))
        return 0
