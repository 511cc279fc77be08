"""Results that a session is given: dropped, late, failed, repeated, and what they acknowledge."""

import numpy as np
import pytest

from emoscope.streamer import Session, UsageError
from emoscope.streamer.session.requests import Dropped, Encode, Failed, Late
from emoscope.streamer.testing import CONTRACT, FakeEngine, answer_all, detect_all, silence, voice


@pytest.mark.parametrize("kind", [Dropped, Late, lambda i: Failed(i, "broken")])
def test_a_final_comes_even_when_nothing_could_be_read(kind):
    """Dropped, late and failed windows give an `unsure` final, never a missing one."""
    session = Session(CONTRACT)
    events, requests = session.feed(voice(2.0))
    more, rest = session.finish()
    events, requests = events + more, requests + rest
    while requests:
        more, requests = session.apply([kind(r.id) for r in requests])
        events += more
    [final] = [e for e in events if e.type == "emotion.final"]
    assert final.label == "unsure" and final.segments == 0
    [closed] = [e for e in events if e.type == "session.closed"]
    assert closed.totals.dropped_s > 1.5
    assert not [e for e in events if e.type == "emotion.interim"]


def test_a_dropped_window_costs_its_frames_only():
    """The other windows are read, and the total says what is missing."""
    session, engine = Session(CONTRACT), FakeEngine()
    events, requests = detect_all(session, engine, session.feed(voice(6.0)))
    more, rest = detect_all(session, engine, session.finish())
    requests += rest
    first = next(r for r in requests if isinstance(r, Encode) and r.window.index == 0)
    more, again = session.apply([Dropped(first.id), *engine([r for r in requests if r is not first])])
    events += answer_all(session, engine, more, again)
    [final] = [e for e in events if e.type == "emotion.final"]
    owned = (first.window.own_end - first.window.own_start) / 16_000
    assert final.segments >= 4
    assert events[-1].type == "session.closed" and events[-1].totals.dropped_s == owned


def test_each_request_gets_exactly_one_result():
    """A second answer, or an answer to nothing, is an error and changes nothing."""
    session, engine = Session(CONTRACT), FakeEngine()
    _, requests = detect_all(session, engine, session.feed(voice(3.0)))
    results = engine(requests)
    assert len(results) >= 3
    session.apply(results)
    before = session.save()
    for result in (*results, Dropped(10**6)):
        with pytest.raises(UsageError, match="has its result already"):
            session.apply([result])
    assert session.save() == before


def test_audio_is_acknowledged_only_when_its_events_have_left():
    """While a window or a reading is unanswered, `processed_s` waits for it."""
    session, engine = Session(CONTRACT), FakeEngine()
    _, requests = detect_all(session, engine, session.feed(np.concatenate([voice(2.0), silence(1.5)])))
    assert session.processed_s < 0.5
    _, reads = session.apply(engine(requests))
    final_end = max(entry.pending.end for entry in session.state.outbox.entries if entry.pending) / 16_000
    assert reads and session.processed_s < final_end
    session.apply(engine(reads))
    assert session.processed_s == pytest.approx(3.5, abs=0.03)
