"""The voice's own baseline: learnt between utterances, frozen in one, the same however the audio comes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import cut, speech_with_pauses, splits

from emoscope.models.speaker import MOST_WEIGHT, learn
from emoscope.streamer import Config, ConfigInvalid, Session
from emoscope.streamer.session.requests import Dropped, Read
from emoscope.streamer.testing import CONTRACT, FakeEngine, answer_all, differences, run, silence, voice

TWO = np.concatenate([voice(2.0), silence(1.0), voice(2.0, 220.0, seed=1), silence(1.0)])


class Watched(FakeEngine):
    """Remembers every reading that it was asked for."""

    def __init__(self):
        super().__init__()
        self.reads = []

    def __call__(self, requests):
        self.reads += [request for request in requests if isinstance(request, Read)]
        return super().__call__(requests)


def events_of(blocks, **options):
    return run(Session(CONTRACT, Config(**options)), FakeEngine(), blocks)


def finals(events):
    return [event for event in events if event.type == "emotion.final"]


@given(speech_with_pauses(), splits())
@settings(max_examples=25)
def test_any_chunking_gives_the_same_events_with_a_baseline(audio, shares):
    """Any chunking gives the same events while the voice is learnt."""
    whole = events_of([audio], baseline="running")
    assert differences(whole, events_of(cut(audio, shares), baseline="running")) == []


@given(speech_with_pauses(), st.floats(0, 1), st.booleans())
@settings(max_examples=25)
def test_a_saved_session_keeps_what_it_knows_of_the_voice(audio, share, answered):
    """Save anywhere, also while a final waits to be learnt."""
    before, after = cut(audio, [share])
    engine = FakeEngine()
    first = Session(CONTRACT, Config(baseline="running"))
    events, requests = first.feed(before)
    if answered:
        events = answer_all(first, engine, events, requests)
    second = Session.restore(first.save(), CONTRACT)
    events = events + answer_all(second, engine, [], second.pending()) + run(second, engine, [after])
    assert differences(events_of([audio], baseline="running"), events) == []


@given(speech_with_pauses(), st.randoms(use_true_random=False))
@settings(max_examples=15)
def test_answers_may_come_in_any_order_while_a_voice_is_learnt(audio, shuffler):
    """Later readings wait for the final that teaches the voice, so their order cannot matter."""
    session, engine = Session(CONTRACT, Config(baseline="running")), FakeEngine()
    events, waiting = session.feed(audio)
    more, requests = session.finish()
    events, waiting = events + more, waiting + requests
    while waiting:
        shuffler.shuffle(waiting)
        more, requests = session.apply(engine([waiting.pop()]))
        events, waiting = events + more, waiting + requests
    assert differences(events_of([audio], baseline="running"), events) == []


def test_the_first_utterance_is_read_as_without_a_baseline_and_the_second_is_not():
    """Nothing is known of a voice before it has said something; events say what they were taken against."""
    off, running = finals(events_of([TWO])), finals(events_of([TWO], baseline="running"))
    assert running[0].scores == off[0].scores
    assert running[1].scores != off[1].scores
    assert [event.baseline for event in running] == ["off", "running"]


def test_a_baseline_is_frozen_during_an_utterance():
    """All readings of an utterance, its mood too, are taken against the same profile, or none."""
    engine = Watched()
    run(Session(CONTRACT, Config(baseline="running")), engine, [TWO])
    voices = [request.speaker for request in engine.reads]
    learnt = [i for i, request in enumerate(engine.reads) if request.learn]
    assert len(learnt) == 2
    assert voices[: learnt[0] + 1] == [None] * (learnt[0] + 1)
    later = voices[learnt[0] + 2 : learnt[1] + 1]
    assert len(later) > 2 and all(v is later[0] for v in later)


def test_enrolled_is_told_after_enough_calm_speech_and_changes_what_follows():
    """From then on readings say `enrolled`, whatever the config's baseline was; `reset` forgets it."""
    session, engine = Session(CONTRACT), FakeEngine()
    events = answer_all(session, engine, *session.enroll(3.0))
    calm = np.concatenate([voice(2.0), silence(1.0)])
    events += run(session, engine, [calm, calm, TWO[:48_000]], finish=False)
    kinds = [event.type for event in events if event.type in ("emotion.final", "mood", "enrolled")]
    assert kinds == ["emotion.final", "mood", "emotion.final", "mood", "enrolled", "emotion.final", "mood"]
    [told] = [event for event in events if event.type == "enrolled"]
    assert 3.0 <= told.seconds < 5.5
    assert [event.baseline for event in finals(events)] == ["off", "off", "enrolled"]
    known = session.speaker
    assert known is not None
    again = run(session, engine, [TWO[:48_000]], finish=False)
    assert session.speaker is not None
    assert np.array_equal(session.speaker.mean, known.mean)
    assert [event.baseline for event in finals(again)] == ["enrolled"]
    events = answer_all(session, engine, *session.reset()) + run(session, engine, [TWO[:48_000]])
    assert [event.baseline for event in finals(events)] == ["off"]


def test_a_voice_that_is_kept_begins_the_next_session():
    """What one session knew, another goes on with: its first utterance is read as the last one's next."""
    session, engine = Session(CONTRACT, Config(baseline="running")), FakeEngine()
    run(session, engine, [TWO], finish=False)
    kept = session.speaker
    first = finals(run(Session(CONTRACT, speaker=kept), engine, [TWO[:48_000]]))
    assert [event.baseline for event in first] == ["enrolled"]
    assert first[0].scores != finals(events_of([TWO[:48_000]]))[0].scores


def test_a_final_that_is_lost_teaches_nothing_and_stops_nothing():
    """A dropped reading is no evidence; the next utterance is read against what was known before."""

    class Losing(FakeEngine):
        def __call__(self, requests):
            return [
                Dropped(r.id) if isinstance(r, Read) and r.learn else super(Losing, self).__call__([r])[0]
                for r in requests
            ]

    events = run(Session(CONTRACT, Config(baseline="running")), Losing(), [TWO])
    assert [event.baseline for event in finals(events)] == ["off", "off"]
    assert events[-1].type == "session.closed"


def test_a_model_that_learns_no_voice_says_so():
    """Asking for a baseline, or to enroll, is refused before any audio."""
    unable = replace(CONTRACT, baseline=False)
    with pytest.raises(ConfigInvalid, match="learns no voice"):
        Session(unable, Config(baseline="running"))
    with pytest.raises(ConfigInvalid, match="cannot enroll"):
        Session(unable).enroll(5.0)
    for seconds in (0.0, -3.0, 1e9, float("nan")):
        with pytest.raises(ConfigInvalid, match="enroll"):
            Session(CONTRACT).enroll(seconds)


@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(0, 1), st.floats(0.05, 20)), min_size=1, max_size=40))
def test_what_is_known_of_a_voice_is_bounded_and_lies_among_what_it_said(said):
    """A weighted mean never leaves the range of its parts; evidence is worth at most so much, so old voices fade."""
    profile = None
    for value, calm, seconds in said:
        profile = learn(profile, np.full(3, value, np.float32), calm, seconds)
    assert profile is not None
    assert min(v for v, _, _ in said) - 1e-4 <= profile.mean[0] <= max(v for v, _, _ in said) + 1e-4
    assert 0 < profile.weight <= MOST_WEIGHT
