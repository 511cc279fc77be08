"""The session's contracts for a model with a reach, whose frames are encoded once: several cells are one request."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import cut, speech_with_pauses, splits

from emoscope.streamer import Config, Session, UsageError
from emoscope.streamer.protocol.events import SessionClosed
from emoscope.streamer.session.requests import Dropped, Encode
from emoscope.streamer.testing import REACHING, FakeEngine, answer_all, detect_all, differences, run, silence, voice

from .voice_sessions import at_rate, events_of


def lasting(events):
    """The events without the interims, which are not part of what lasts."""
    return [event for event in events if event.type != "emotion.interim"]


def fed(audio, **options):
    """A session that was fed and finished, its engine, its events so far, and the windows that it asks for."""
    session, engine = Session(REACHING, Config(**options)), FakeEngine(REACHING)
    events, requests = detect_all(session, engine, session.feed(audio))
    more, rest = detect_all(session, engine, session.finish())
    return session, engine, events + more, requests + rest


@given(speech_with_pauses(), splits(), st.sampled_from([8_000, 16_000, 44_100]))
def test_any_chunking_gives_the_events_of_the_whole(audio, shares, rate):
    """The blocks in which a voice arrives never change what is read."""
    sound = at_rate(audio, rate)
    assert differences(events_of([sound], rate, REACHING), events_of(cut(sound, shares), rate, REACHING)) == []


@given(speech_with_pauses(), st.sampled_from([0.2, 0.5, 1.7]))
def test_finals_and_moods_do_not_depend_on_interims(audio, interval_s):
    """The same cells are merged in the same order, whether interims ask for them or a window is full."""
    with_interims = events_of([audio], contract=REACHING, interval_s=interval_s)
    without = events_of([audio], contract=REACHING, interim=False)
    assert differences(lasting(with_interims), without) == []


@given(speech_with_pauses())
@settings(max_examples=25)
def test_every_reading_equals_the_offline_answer_of_what_was_said_so_far(audio):
    """Interims and finals alike are one softmax over all frames from the start to their end, each frame with all that
    it reaches."""
    audio = np.concatenate([audio, voice(1.0)])
    engine = FakeEngine(REACHING)
    padded = np.concatenate([np.zeros(REACHING.lookback, np.float32), audio])
    events = events_of([audio], contract=REACHING, interval_s=0.33)
    readings = [e for e in events if e.type in ("emotion.interim", "emotion.final")]
    assert readings
    for event in readings:
        start, end = round(event.start * 16_000), round(event.end * 16_000)
        features = engine.features(padded[start : end + REACHING.lookback]).astype(np.float64)
        weight = np.exp(3 * features[:, :1] - 3 * features[:, :1].max())
        weight /= weight.sum()
        mean = (weight * features).sum(0)
        offline = engine.reading(mean, (weight * (features - mean) ** 2).sum(0))
        assert np.allclose(list(event.scores.values()), offline.scores, atol=1e-5)
        assert abs(sum(span.weight for span in event.attention) - 1) < 1e-4
        assert event.attention[0].start == event.start and abs(event.attention[-1].end - event.end) < 1e-9


@given(speech_with_pauses(), st.floats(0, 1), st.booleans())
@settings(max_examples=25)
def test_a_saved_session_goes_on_with_the_same_events(audio, share, skips):
    """Save anywhere, with interims that were skipped or not; windows without a result are asked for again."""
    before, after = cut(audio, [share])
    first, engine = Session(REACHING), FakeEngine(REACHING)
    events = [*detect_all(first, engine, first.feed(before)).events]
    if skips:
        first.skip_interims(first.interim_requests())
    second = Session.restore(first.save(), REACHING)
    assert {r.id for r in second.pending()} == {r.id for r in first.pending()}
    events += answer_all(second, engine, [], second.pending())
    events += run(second, engine, [after])
    assert differences(lasting(events_of([audio], contract=REACHING)), lasting(events)) == []


@given(speech_with_pauses(), st.randoms(use_true_random=False))
@settings(max_examples=25)
def test_answers_may_come_in_any_order(audio, shuffler):
    """Cells are merged in their order whatever the order of results."""
    session, engine, events, waiting = fed(audio)
    while waiting:
        shuffler.shuffle(waiting)
        more, requests = session.apply(engine([waiting.pop()]))
        events, waiting = events + more, waiting + requests
    assert differences(events_of([audio], contract=REACHING), events) == []


@given(speech_with_pauses(), st.data())
@settings(max_examples=25)
def test_skipped_interims_cost_no_speech(audio, data):
    """Whichever interims are skipped, in one go or in two: all else is read as if nothing had been skipped."""
    session, engine, events, waiting = fed(audio)
    for _ in range(2):
        waits = sorted(session.interim_requests())
        skip = set(data.draw(st.lists(st.sampled_from(waits), unique=True))) if waits else set()
        more, again = session.skip_interims(skip)
        events += more
        waiting = [request for request in waiting if request.id not in skip] + again
    events = answer_all(session, engine, events, waiting)
    whole = {(e.utterance, e.end): e for e in events_of([audio], contract=REACHING) if e.type == "emotion.interim"}
    kept = [e for e in events if e.type == "emotion.interim"]
    assert differences([whole[e.utterance, e.end] for e in kept], kept) == []
    assert differences(lasting(events_of([audio], contract=REACHING)), lasting(events)) == []
    assert events[-1].type == "session.closed" and events[-1].totals.dropped_s == 0


def test_the_cells_of_skipped_interims_are_asked_for_together():
    """As many as a window takes are one request, which holds no more audio than they need."""
    session, _, _, requests = fed(voice(6.0))
    skipped = session.interim_requests()
    cells = [r for r in requests if r.id in skipped and r.window.borders]
    again = [r for r in session.skip_interims(skipped).requests if isinstance(r, Encode)]
    assert len(cells) >= 8 and len(again) == 2 and not session.interim_requests()
    assert sum(len(r.audio) for r in again) < 0.5 * sum(len(r.audio) for r in cells)
    for request in again:
        assert request.window.end - request.window.start <= REACHING.window
        assert len(request.audio) == REACHING.lookback + request.window.end - request.window.start
        assert request.window.end == request.window.own_end + REACHING.reach


def test_only_what_waits_for_an_interim_can_be_skipped():
    """A window that closes an utterance is no interim's."""
    session, _, _, requests = fed(voice(2.0))
    [closing] = [r for r in requests if isinstance(r, Encode) and r.id not in session.interim_requests()]
    with pytest.raises(UsageError, match="no interim waits"):
        session.skip_interims({closing.id})
    assert closing.id in {r.id for r in session.pending()}


def test_a_lost_window_costs_its_cells_and_its_reading_only():
    """What the interim alone would have shown is in a later window, and is not lost."""
    session, engine, events, requests = fed(np.concatenate([voice(4.0), silence(1.0)]))
    lost = next(r for r in requests if isinstance(r, Encode) and r.window.borders)
    more, again = session.apply([Dropped(lost.id), *engine([r for r in requests if r is not lost])])
    events = answer_all(session, engine, events + more, again)
    interims = [e.end for e in events if e.type == "emotion.interim"]
    assert round(lost.window.end / 16_000, 3) not in [round(end, 3) for end in interims] and len(interims) >= 5
    [final] = [e for e in events if e.type == "emotion.final"]
    closed = events[-1]
    assert isinstance(closed, SessionClosed)
    assert closed.totals.dropped_s == (lost.window.borders[-1] - lost.window.own_start) / 16_000
    assert final.segments >= 6
