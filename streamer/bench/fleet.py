"""A fleet of servers in several zones under arrivals, drains and a lost zone, simulated in steps of time.

Sessions arrive as a Poisson process and last exponentially. In a step of `step_s` the number that ends is binomial and
the number that comes is Poisson, so a fleet of a million streams costs no more than one of ten, and the same seed gives
the same run.
"""

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is simulated.

    zones         of which each has `room` streams
    room          most open streams of a zone (`--max-sessions` times its servers)
    streams       open at the beginning, and the mean number afterwards while nothing is refused
    mean_s        mean length of a session; infinite: none ends and none comes
    duration_s    simulated time
    lost_zone_at  when a zone goes away with all of its sessions; None: never
    back_at       when it is there again; None: not within the run
    drain_at      when servers begin to be drained one after another for a new version; None: never
    drain_share   of a zone's room that is drained at once
    drain_s       time that one such share is away; the zones take turns
    spread_s      cut clients come back evenly within this time (back-off with jitter)
    retry_s       a client that finds no room tries again after this time
    resume_ttl_s  a session that has not been resumed by then is lost, and its client begins a new one
    real_time     how many streams' audio a zone can compute per stream of its room: 1 / utilization
    """

    zones: int = 3
    room: int
    streams: int
    mean_s: float = 300.0
    duration_s: float = 900.0
    step_s: float = 1.0
    lost_zone_at: float | None = None
    back_at: float | None = None
    drain_at: float | None = None
    drain_share: float = 0.0
    drain_s: float = 0.0
    spread_s: float = 10.0
    retry_s: float = 5.0
    resume_ttl_s: float = 60.0
    real_time: float = 1.0 / 0.6


@dataclass
class Outcome:
    """What came of it. Sessions: `began` = `ended` + `open` + `away` + `lost`; those that were refused never began.

    resumed    returns of cut sessions to a server
    lost       cut sessions for which there was no room within `resume_ttl_s`
    backlog_s  most audio that waited at one time, in seconds of streams, after the cut ones brought theirs
    lag_s      longest time to compute what waited: `backlog_s` over what the fleet computes beside live audio
    behind_s   time for which anything waited
    busiest    largest share of the fleet's room that was taken
    """

    began: int = 0
    refused: int = 0
    ended: int = 0
    open: int = 0
    away: int = 0
    resumed: int = 0
    lost: int = 0
    backlog_s: float = 0.0
    lag_s: float = 0.0
    behind_s: float = 0.0
    busiest: float = 0.0


@dataclass
class _Cut:
    """Sessions that were cut at one time: `due` of them come back in each later step, by its number."""

    at: int
    due: dict[int, int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return sum(self.due.values())


def simulate(plan: Plan, seed: int = 0) -> Outcome:
    """Run the plan. ValueError where its numbers make no sense."""
    if plan.zones < 1 or plan.room < 0 or plan.step_s <= 0 or not 0 <= plan.streams <= plan.zones * plan.room:
        raise ValueError("a fleet needs a zone, a positive step, and room for the streams that it begins with")
    random = np.random.default_rng(seed)
    outcome = Outcome(began=plan.streams)
    opened = _spread(plan.streams, np.full(plan.zones, plan.room))
    cuts: list[_Cut] = []
    backlog_s = 0.0
    rate = 0.0 if math.isinf(plan.mean_s) else plan.streams / plan.mean_s
    leaving = 0.0 if math.isinf(plan.mean_s) else -math.expm1(-plan.step_s / plan.mean_s)
    for step in range(round(plan.duration_s / plan.step_s)):
        now = step * plan.step_s
        room = _room(plan, now)
        ended = random.binomial(opened, leaving)
        opened -= ended
        outcome.ended += int(ended.sum())
        cut = int(np.maximum(opened - room, 0).sum())
        opened = np.minimum(opened, room)
        if cut:
            cuts.append(_Cut(step, _returns(plan, step, cut)))
        for one in cuts:
            back = _return(plan, one, step, int((room - opened).sum()), outcome)
            opened += _spread(back, room - opened)
            backlog_s += back * (step - one.at) * plan.step_s
        cuts = [one for one in cuts if one.due]
        wanted = int(random.poisson(rate * plan.step_s))
        taken = min(wanted, int((room - opened).sum()))
        opened += _spread(taken, room - opened)
        outcome.began += taken
        outcome.refused += wanted - taken
        spare = max(0.0, float(room.sum()) * plan.real_time - float(opened.sum()))
        outcome.backlog_s = max(outcome.backlog_s, backlog_s)
        outcome.lag_s = max(outcome.lag_s, backlog_s / spare if spare else math.inf if backlog_s else 0.0)
        outcome.behind_s += plan.step_s if backlog_s else 0.0
        backlog_s = max(0.0, backlog_s - spare * plan.step_s)
        outcome.busiest = max(outcome.busiest, float(opened.sum()) / float(room.sum()) if room.sum() else 1.0)
    outcome.open, outcome.away = int(opened.sum()), sum(one.count for one in cuts)
    return outcome


def _room(plan: Plan, now: float) -> Counts:
    """Open streams that each zone can hold at a time."""
    room = np.full(plan.zones, plan.room)
    if plan.lost_zone_at is not None and plan.lost_zone_at <= now < (
        math.inf if plan.back_at is None else plan.back_at
    ):
        room[0] = 0
    if plan.drain_at is not None and plan.drain_share > 0 and now >= plan.drain_at:
        turns = math.ceil(1.0 / plan.drain_share)
        turn = int((now - plan.drain_at) // plan.drain_s) if plan.drain_s > 0 else turns * plan.zones
        if turn < turns * plan.zones:
            room[turn // turns] -= min(room[turn // turns], math.ceil(plan.drain_share * plan.room))
    return room


def _spread(count: int, room: Counts) -> Counts:
    """So many sessions over the zones, as a load balancer that fills them in proportion to their room does."""
    total = int(room.sum())
    if not total:
        return np.zeros_like(room)
    shares = np.minimum(count * room // total, room)
    left = count - int(shares.sum())
    for zone in np.argsort(shares - room, kind="stable"):  # the emptiest one first
        more = min(left, int(room[zone] - shares[zone]))
        shares[zone] += more
        left -= more
    return shares


def _returns(plan: Plan, step: int, count: int) -> dict[int, int]:
    """In which steps cut sessions come back: evenly over `spread_s`, the first of them in the next step."""
    steps = max(1, round(plan.spread_s / plan.step_s))
    edges = [count * number // steps for number in range(steps + 1)]
    return {step + 1 + number: edges[number + 1] - edges[number] for number in range(steps)}


def _return(plan: Plan, cut: _Cut, step: int, room: int, outcome: Outcome) -> int:
    """How many of a cut come back in this step; those without room try later, or are lost."""
    wanting = cut.due.pop(step, 0)
    back = min(wanting, room)
    outcome.resumed += back
    refused = wanting - back
    later = step + max(1, round(plan.retry_s / plan.step_s))
    if refused and (later - cut.at) * plan.step_s <= plan.resume_ttl_s:
        cut.due[later] = cut.due.get(later, 0) + refused
    else:
        outcome.lost += refused
    return back
