"""The rules of a stream applied to its sessions and to the scheduler: cancel what the rules give up, and report it."""

from collections.abc import Hashable, Sequence
from typing import NamedTuple

from ..protocol.events import AnyEvent, WarningEvent
from ..session.requests import Dropped, Encode, Late
from ..session.session import Output, Session
from .rules import SKIP_LAG_S, QueuedWindow, StreamRules, StreamView
from .scheduler import Scheduler


class ShedChannel(NamedTuple):
    """What was given up of one channel: `audio_dropped` if speech was, then what its session has to say."""

    dropped: WarningEvent | None
    output: Output


class ShedLoad(NamedTuple):
    """What was given up of a stream: see `rules.Shedding`."""

    lagging: WarningEvent | None
    backlog_exceeded: str
    channels: list[ShedChannel]


def shed_load(
    rules: StreamRules, scheduler: Scheduler, view: StreamView, sessions: Sequence[tuple[Hashable, Session]]
) -> ShedLoad:
    """Give up what the rules say, of each owner's session; in the order of the view's channels."""
    behind = view.lag_s >= SKIP_LAG_S  # else the rules have nothing to look at
    queued = [queued_windows(scheduler, owner, session) if behind else [] for owner, session in sessions]
    shedding = rules.shed(scheduler.clock(), view, queued)
    channels = []
    for (owner, session), ids in zip(sessions, shedding.channels, strict=True):
        skipped = scheduler.cancel(owner, ids.skip) if ids.skip else []
        dropped = scheduler.cancel(owner, ids.drop) if ids.drop else []  # one that was begun meanwhile is computed
        warning = rules.dropped((request.window.own_start, request.window.own_end) for request in dropped)
        channels.append(ShedChannel(warning, _given_up(session, skipped, dropped)))
    return ShedLoad(shedding.lagging, shedding.backlog_exceeded, channels)


def _given_up(session: Session, skipped: Sequence[Encode], dropped: Sequence[Encode]) -> Output:
    """What a session has to say, and asks for, when these windows were cancelled."""
    given_up = Output([], [])
    if skipped:
        given_up = session.skip_interims({request.id for request in skipped})
    if dropped:
        events, requests = session.apply([Dropped(request.id) for request in dropped])
        given_up = Output([*given_up.events, *events], [*given_up.requests, *requests])
    return given_up


def queued_windows(scheduler: Scheduler, owner: Hashable, session: Session) -> list[QueuedWindow]:
    """The windows of a session that were not begun, as the rules see them."""
    interims = session.interim_requests()
    return [
        QueuedWindow(
            id=request.id,
            own_start=request.window.own_start,
            own_end=request.window.own_end,
            queued_at=queued_at,
            interim=request.id in interims,
        )
        for request, queued_at in scheduler.queued(owner)
    ]


def expire_all(session: Session) -> list[AnyEvent]:
    """The deadline of `finish` has passed: everything that is pending is late. The events that are left."""
    events: list[AnyEvent] = []
    while pending := session.pending():
        events += session.apply([Late(request.id) for request in pending]).events
    return events
