"""Running a session in a test."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from ..protocol.events import AnyEvent
from ..session.requests import DetectVoice, Engine, Request
from ..session.session import Output, Session


def run(
    session: Session, engine: Engine, blocks: Iterable[npt.NDArray[np.generic]], finish: bool = True
) -> list[AnyEvent]:
    """Feed `blocks` to a session, answer each request at once, and return all events; `finish` closes the session."""
    events: list[AnyEvent] = []
    for block in blocks:
        events += answer_all(session, engine, *session.feed(block))
    if finish:
        events += answer_all(session, engine, *session.finish())
    return events


def answer_all(session: Session, engine: Engine, events: list[AnyEvent], requests: list[Request]) -> list[AnyEvent]:
    """Answer requests until none is left; returns `events` and all events that follow."""
    events = list(events)
    while requests:
        more, requests = session.apply(engine(requests))
        events += more
    return events


def detect_all(session: Session, engine: Engine, output: Output) -> Output:
    """Answer the voice detector's requests until none is left; the events, and the other requests that follow."""
    events, requests = list(output.events), list(output.requests)
    while asked := [request for request in requests if isinstance(request, DetectVoice)]:
        more, new = session.apply(engine(asked))
        events += more
        requests = [*(request for request in requests if not isinstance(request, DetectVoice)), *new]
    return Output(events, requests)
