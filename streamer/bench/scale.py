"""`emoscope bench scale`: what so many live streams take, from measured costs, and what a lost zone or a drain does."""

import math
from dataclasses import dataclass

from .fleet import Outcome, Plan, simulate

MS_A_SECOND = {"voice detector": 2.1, "model": 3.64, "batches": 1.07, "assembly": 0.76, "transport": 2.34}
"""Processor time in ms for a second of one stream: `bench serve`, 120 streams, `small` by onnxruntime, two cores."""

GATEWAY = ("batches", "assembly", "transport")
"""What runs on the event loop of the server's process, which one core at most can do."""

SOCKET_BYTES = 21_000
CHECKPOINT_BYTES = 217_000
CHECKPOINTS_A_SECOND = 1.1
AUDIO_BYTES_A_SECOND = 32_000  # 16 kHz, 16 bits


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """How a fleet is built.

    streams       open at once
    cores         of a machine
    utilization   share of the processor time that live audio may take; the rest is for catching up
    zones         of which one may be lost
    headroom      of room beyond the streams, so that chance does not fill the fleet when a zone is lost
    hour          what a core costs an hour; None: unknown, and no price is told
    """

    streams: int
    cores: int = 64
    utilization: float = 0.6
    zones: int = 3
    headroom: float = 0.02
    hour: float | None = None

    @property
    def ms(self) -> float:
        """Processor time for a second of one stream."""
        return sum(MS_A_SECOND.values())

    @property
    def streams_a_core(self) -> float:
        return 1_000.0 * self.utilization / self.ms

    @property
    def streams_a_gateway(self) -> int:
        """What one server process can carry, whose event loop has one core."""
        return int(1_000.0 * self.utilization / sum(MS_A_SECOND[part] for part in GATEWAY))

    @property
    def room(self) -> int:
        """Streams that a zone must have room for, so that the others carry all when one is lost."""
        return math.ceil((1.0 + self.headroom) * self.streams / max(1, self.zones - 1))

    @property
    def machines(self) -> int:
        """In all zones, the spare one's share included."""
        return self.zones * math.ceil(self.room / (self.streams_a_core * self.cores))

    @property
    def gateways(self) -> int:
        return self.zones * math.ceil(self.room / self.streams_a_gateway)

    @property
    def price(self) -> float | None:
        """An hour of all machines, in the money of `hour`."""
        return None if self.hour is None else self.machines * self.cores * self.hour

    def plan(self, **changes: float | None) -> Plan:
        """A simulation of this fleet, of 15 minutes; `changes` are those of `Plan`."""
        return Plan(
            zones=self.zones,
            room=self.room,
            streams=self.streams,
            real_time=1.0 / self.utilization,
            **changes,  # type: ignore[arg-type]
        )


def scenarios(fleet: Fleet, mean_s: float, seed: int = 0) -> dict[str, Outcome]:
    """What a fleet must be ready for, by its name; each takes a quarter of an hour."""
    lost: dict[str, float | None] = {"mean_s": mean_s, "lost_zone_at": 300.0}
    drained: dict[str, float | None] = {"mean_s": mean_s, "drain_at": 60.0, "drain_share": 0.1, "drain_s": 20.0}
    return {
        "an ordinary quarter of an hour": simulate(fleet.plan(mean_s=mean_s), seed),
        "a zone is lost": simulate(fleet.plan(**lost), seed),
        "all servers are drained in tenths": simulate(fleet.plan(**drained), seed),
        "a zone is lost, clients come back within 1 s": simulate(fleet.plan(**{**lost, "spread_s": 1.0}), seed),
    }


def lines(fleet: Fleet, mean_s: float, seed: int = 0) -> list[str]:
    """The table."""
    streams = fleet.streams
    gbit = 8e-9 * streams
    rows = {
        "processor time for a second of a stream": f"{fleet.ms:.1f} ms",
        f"streams a core at {fleet.utilization:.0%}": f"{fleet.streams_a_core:.0f}",
        "streams a gateway's event loop": f"{fleet.streams_a_gateway}",
        f"machines of {fleet.cores} cores, {fleet.zones} zones": f"{fleet.machines:,}",
        "gateway processes": f"{fleet.gateways:,}",
        "sockets' memory": f"{SOCKET_BYTES * streams / 1e9:,.1f} GB",
        "audio that comes in": f"{AUDIO_BYTES_A_SECOND * gbit:,.1f} Gbit/s",
        "state that the store holds": f"{CHECKPOINT_BYTES * streams / 1e9:,.1f} GB",
        "state that is written": f"{CHECKPOINT_BYTES * CHECKPOINTS_A_SECOND * gbit:,.1f} Gbit/s",
        "an hour": "unknown: give --hour, what a core costs" if fleet.price is None else f"{fleet.price:,.2f}",
    }
    table = [f"{name:<44} {value:>14}" for name, value in rows.items()]
    heads = ("refused", "resumed", "lost", "lag", "behind", "full")
    table += ["", f"{streams:,} streams, mean {mean_s:g} s" + "".join(f"{head:>11}" for head in heads)]
    for name, outcome in scenarios(fleet, mean_s, seed).items():
        values = (f"{outcome.refused:,}", f"{outcome.resumed:,}", f"{outcome.lost:,}", f"{outcome.lag_s:.1f} s")
        more = (f"{outcome.behind_s:.0f} s", f"{outcome.busiest:.0%}")
        table.append(f"{name}\n{'':<38}" + "".join(f"{value:>11}" for value in (*values, *more)))
    return table
