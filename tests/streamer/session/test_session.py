"""The session's contracts: chunking, saving, offline equality, any order of answers."""

import subprocess
import sys

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import cut, speech_with_pauses, splits

from emoscope.models.pool_state import SoftmaxState
from emoscope.streamer import Config, Session
from emoscope.streamer.testing import CONTRACT, FakeEngine, answer_all, differences, run, silence, voice

from .voice_sessions import at_rate, events_of

RATES = [8_000, 11_025, 16_000, 22_050, 44_100, 48_000]


@given(speech_with_pauses(), splits(), st.sampled_from(RATES))
def test_any_chunking_gives_the_events_of_the_whole(audio, shares, rate):
    """The blocks in which a voice arrives never change what is read, at any rate."""
    sound = at_rate(audio, rate)
    assert differences(events_of([sound], rate), events_of(cut(sound, shares), rate)) == []


def test_sample_by_sample_is_the_same_as_at_once():
    """The extreme of chunking."""
    sound = at_rate(np.concatenate([voice(0.4), silence(0.7)]), 11_025)
    assert differences(events_of([sound], 11_025), events_of(np.split(sound, len(sound)), 11_025)) == []


@given(speech_with_pauses(), st.floats(0, 1), st.sampled_from(RATES), st.booleans())
def test_a_saved_session_goes_on_with_the_same_events(audio, share, rate, answered):
    """Save anywhere, restore, go on; unanswered requests are issued again."""
    sound = at_rate(audio, rate)
    before, after = cut(sound, [share])
    config, engine = Config(sample_rate=rate), FakeEngine()
    first = Session(CONTRACT, config)
    events, requests = first.feed(before)
    if answered:
        events = answer_all(first, engine, events, requests)
    second = Session.restore(first.save(), CONTRACT)
    assert {r.id for r in second.pending()} == {r.id for r in first.pending()}
    events = events + answer_all(second, engine, [], second.pending())
    events += run(second, engine, [after])
    assert differences(events_of([sound], rate), events) == []


SAVER = """
import sys
from emoscope.streamer import Config, Session
from emoscope.streamer.protocol.events import encode
from emoscope.streamer.testing import CONTRACT, FakeEngine, run, answer_all, voice
session = Session.restore(open(sys.argv[1], "rb").read(), CONTRACT)
engine = FakeEngine()
events = answer_all(session, engine, [], session.pending())
for event in events + run(session, engine, [voice(3.0, 150.0, seed=7)[20_000:]]):
    print(encode(event).decode())
"""


def test_another_process_goes_on_where_this_one_stopped(tmp_path):
    """The state crosses a process border as bytes in a file."""
    from emoscope.streamer.protocol.events import decode

    audio = voice(3.0, 150.0, seed=7)
    session, engine = Session(CONTRACT), FakeEngine()
    events = answer_all(session, engine, *session.feed(audio[:20_000]))
    (tmp_path / "saved").write_bytes(session.save())
    out = subprocess.run(
        [sys.executable, "-c", SAVER, str(tmp_path / "saved")], capture_output=True, check=True, cwd=tmp_path
    )
    events += [decode(line) for line in out.stdout.splitlines()]
    assert differences(events_of([audio]), events) == []


@given(speech_with_pauses(), st.randoms(use_true_random=False))
@settings(max_examples=25)
def test_answers_may_come_in_any_order(audio, shuffler):
    """Windows are merged in their order whatever the order of results, one result at a time."""
    session, engine = Session(CONTRACT), FakeEngine()
    events, waiting = session.feed(audio)
    more, requests = session.finish()
    events, waiting = events + more, waiting + requests
    while waiting:
        shuffler.shuffle(waiting)
        more, requests = session.apply(engine([waiting.pop()]))
        events, waiting = events + more, waiting + requests
    assert differences(events_of([audio]), events) == []


@given(speech_with_pauses())
@settings(max_examples=25)
def test_every_reading_equals_the_offline_answer_of_what_was_said_so_far(audio):
    """Interims and finals alike are a two-pass float64 softmax over all frames from the start to their end."""
    audio = np.concatenate([audio, voice(1.0)])  # long enough to be an utterance
    engine = FakeEngine()
    padded = np.concatenate([np.zeros(CONTRACT.lookback, np.float32), audio])
    events = events_of([audio], interval_s=0.33)
    readings = [e for e in events if e.type in ("emotion.interim", "emotion.final")]
    assert readings
    for event in readings:
        start, end = round(event.start * 16_000), round(event.end * 16_000)
        features = engine.features(padded[start : end + CONTRACT.lookback]).astype(np.float64)
        weight = np.exp(3 * features[:, :1] - 3 * features[:, :1].max())
        weight /= weight.sum()
        mean = (weight * features).sum(0)
        offline = engine.reading(mean, (weight * (features - mean) ** 2).sum(0))
        assert np.allclose(list(event.scores.values()), offline.scores, atol=1e-5)


def test_events_of_an_utterance_come_in_the_protocols_order():
    """started, interims, ended, final, mood; numbers go up by one; one closed at the end."""
    events = events_of([np.concatenate([silence(0.5), voice(2.0), silence(1.0), voice(1.0, 200.0)])])
    one = ["speech.started", "emotion.interim", "speech.ended", "emotion.final", "mood"]
    kinds = [e.type for e in events]
    assert [k for i, k in enumerate(kinds) if i == 0 or kinds[i - 1] != k] == [*one, *one, "session.closed"]
    durable = [e.seq for e in events if hasattr(e, "seq")]
    assert durable == list(range(1, len(durable) + 1))
    revisions = [e.rev for e in events if e.type == "emotion.interim" and e.utterance == 1]
    assert len(revisions) >= 3 and revisions == list(range(1, len(revisions) + 1))


def test_scores_hold_every_label_and_sum_to_one():
    """And the attention's shares too."""
    events = events_of([voice(2.0)])
    assert {"emotion.interim", "emotion.final", "mood"} <= {event.type for event in events}
    for event in events:
        if hasattr(event, "scores"):
            assert set(event.scores) == set(CONTRACT.labels) and abs(sum(event.scores.values()) - 1) < 1e-4
        if hasattr(event, "attention"):
            assert abs(sum(span.weight for span in event.attention) - 1) < 1e-4
            assert event.attention[0].start == event.start
            assert abs(event.attention[-1].end - event.end) < 1e-9


def test_silence_gives_no_reading():
    """A quiet minute, and a digitally silent one, bring nothing but the end."""
    assert [e.type for e in events_of([silence(60.0)])] == ["session.closed"]
    assert [e.type for e in events_of([np.zeros(960_000, np.float32)])] == ["session.closed"]


def test_flush_ends_the_utterance_and_reset_forgets_the_mood():
    """The clock and the numbers go on; after a reset the mood begins with the next utterance."""
    session, engine = Session(CONTRACT), FakeEngine()
    events = answer_all(session, engine, *session.feed(voice(2.0)))
    events += answer_all(session, engine, *session.flush())
    events += answer_all(session, engine, *session.feed(voice(2.0, 200.0)))
    events += answer_all(session, engine, *session.reset())
    events += run(session, engine, [voice(2.0, 120.0)])
    ends = [e for e in events if e.type == "speech.ended"]
    assert [e.reason for e in ends] == ["flush", "flush", "finish"]
    moods = [e for e in events if e.type == "mood"]
    assert moods[0].start == moods[1].start < moods[2].start
    finals = [e for e in events if e.type == "emotion.final"]
    assert [f.utterance for f in finals] == [1, 2, 3]
    # Within one utterance the half-life weighs little, so a fresh mood is nearly the final.
    assert all(abs(moods[2].scores[k] - finals[2].scores[k]) < 1e-3 for k in finals[2].scores)
    assert any(abs(moods[1].scores[k] - finals[1].scores[k]) > 1e-3 for k in finals[1].scores)


def test_flush_at_the_same_sample_is_the_same_whatever_the_chunks():
    """Also where the resampler has not given everything yet."""
    sound = at_rate(voice(3.0), 44_100)

    def flushed(blocks):
        session, engine = Session(CONTRACT, Config(sample_rate=44_100)), FakeEngine()
        events = run(session, engine, blocks(sound[:60_001]), finish=False)
        events += answer_all(session, engine, *session.flush())
        return events + run(session, engine, blocks(sound[60_001:]))

    assert differences(flushed(lambda x: [x]), flushed(lambda x: np.array_split(x, 97))) == []


def test_the_mood_follows_with_its_half_life():
    """The same utterances with a short half-life end nearer to the last one."""
    audio = np.concatenate([voice(3.0, 110.0), silence(1.0), voice(3.0, 240.0, level=0.02, seed=5), silence(1.0)])

    def distance(half_life):
        events = events_of([audio], half_life_s=half_life)
        last = [e for e in events if e.type == "emotion.final"][-1]
        mood = [e for e in events if e.type == "mood"][-1]
        return sum(abs(last.scores[k] - mood.scores[k]) for k in last.scores)

    assert distance(1.0) < distance(300.0)


def test_what_resume_must_know_of_a_session_survives_a_save():
    """`next_seq` and `finished` are properties, and a restored session has the same."""
    session, engine = Session(CONTRACT), FakeEngine()
    assert (session.next_seq, session.finished) == (1, False)
    events = run(session, engine, [voice(2.0)])
    restored = Session.restore(session.save(), CONTRACT)
    assert events[-1].type == "session.closed" and restored.finished
    assert session.next_seq == restored.next_seq == events[-1].seq + 1


def test_importing_the_session_loads_no_torch():
    """Neither the package's surface nor the session itself."""
    script = "import sys; from emoscope.streamer.session import Session, speech_spans; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_an_hour_keeps_its_clock_and_its_size():
    """No drift over an hour of speech and silence, and the saved state stays bounded."""
    phrase = np.concatenate([voice(3.0), silence(7.0)])
    session, engine = Session(CONTRACT, Config(interim=False)), FakeEngine()
    sizes, starts = [], []
    for _ in range(360):
        events = run(session, engine, [phrase], finish=False)
        starts += [e.start for e in events if e.type == "speech.started"]
        sizes.append(len(session.save()))
    drift = np.diff(starts[1:]) - 10.0  # the first begins with the recording, the others after a pause
    assert len(starts) == 360 and np.abs(drift).max() < 0.02 and abs(drift.sum()) < 0.02
    assert max(sizes[180:]) <= 1.1 * max(sizes[:180])


def test_a_pool_state_crosses_a_save_bit_for_bit():
    """Float32 in, float32 out, infinities too."""
    from emoscope.streamer.session.pooling import PoolingState
    from emoscope.streamer.session.saving import from_bytes, to_bytes

    pool = SoftmaxState(*(np.full((1, 1), v, np.float32) for v in (-np.inf, 0.1, 1 / 3, 0.0)))
    back = from_bytes(to_bytes(PoolingState(pool=pool)), PoolingState).pool
    assert isinstance(back, SoftmaxState)
    for name, array in pool.arrays().items():
        assert array.tobytes() == getattr(back, name).tobytes() and getattr(back, name).dtype == np.float32
