"""What a session refuses: audio, options, and saved sessions that do not fit."""

import numpy as np
import pytest

from emoscope.streamer import Config, ConfigInvalid, InputError, RecordInvalid, Session, UsageError, VadConfig
from emoscope.streamer.session.voice_activity import Stretch
from emoscope.streamer.testing import CONTRACT, FakeEngine, answer_all, detect_all, differences, run, silence, voice

from .voice_sessions import at_rate, events_of


def test_a_finished_session_takes_no_more_audio():
    """The message says what to do."""
    session = Session(CONTRACT)
    session.finish()
    with pytest.raises(UsageError, match="open another"):
        session.feed(voice(0.1))
    with pytest.raises(UsageError):
        session.finish()


def test_a_number_that_is_none_is_refused_and_what_came_before_is_kept():
    """The message gives the time; the session goes on."""
    audio = voice(3.0)
    audio[40_000] = np.nan
    session, engine = Session(CONTRACT), FakeEngine()
    with pytest.raises(InputError, match=r"2\.500 s"):
        session.feed(audio)
    assert session.audio_s == 2.0
    events = answer_all(session, engine, [], session.pending())
    events += run(session, engine, [audio[32_000:40_000]])
    assert [e.type for e in events].count("emotion.final") == 1
    assert events[-1].type == "session.closed" and events[-1].totals.audio_s == 2.5


@pytest.mark.parametrize("absurd", [np.nan, np.inf, 1e25, -3e38])
def test_one_absurd_sample_is_refused_and_does_not_stop_the_detection_of_speech(absurd):
    """Its square would drown every level after it; the session goes on without it."""
    session, engine = Session(CONTRACT, Config(channels=2)), FakeEngine()
    block = np.full((1_600, 2), 0.01, np.float32)
    block[800] = absurd
    with pytest.raises(InputError, match="no number that sound can have"):
        session.feed(block)
    stereo = np.stack([voice(2.0)] * 2, 1)
    assert "emotion.final" in [e.type for e in run(session, engine, [stereo])]


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"interval_s": 0.0}, "interval_s"),
        ({"sample_rate": 0}, "sample_rate"),
        ({"vad": VadConfig(max_utterance_s=0)}, "vad.max_utterance_s"),
        ({"channels": 2, "channel_mode": "split"}, "channel_mode"),
        ({"baseline": "sometimes"}, "baseline"),
    ],
)
def test_a_session_refuses_options_that_it_cannot_meet(options, field):
    """Also those that were never checked because they were written in Python."""
    with pytest.raises(ConfigInvalid) as caught:
        Session(CONTRACT, Config(**options))
    assert caught.value.param == field


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        ("vad", "judged", 10**12),
        ("vad", "frames", [7] * 10),
        ("vad", "stretches", [Stretch(-5, 3)]),
        ("intake", "fed", 2**60),
        ("intake", "renewed", -(10**15)),
        ("intake", "kept", np.zeros((3, 3), np.float32)),
        ("segmenter", "interims", -(10**9)),
        ("segmenter", "committed", -(10**6)),
        ("segmenter", "position", 10**12),
    ],
)
def test_a_saved_session_whose_numbers_do_not_fit_together_is_refused(part, field, value):
    """Well-typed is not enough: no hang, no traceback from the depths."""
    session, engine = Session(CONTRACT, Config(sample_rate=44_100)), FakeEngine()
    run(session, engine, [at_rate(voice(2.0), 44_100)], finish=False)
    Session.restore(session.save(), CONTRACT)
    setattr(getattr(session.state, part), field, value)
    with pytest.raises(RecordInvalid, match="do not fit together"):
        Session.restore(session.save(), CONTRACT)


@pytest.mark.parametrize("damage", ["open window", "open reading", "step", "outbox entry", "id"])
def test_a_saved_session_whose_requests_do_not_fit_its_steps_is_refused(damage):
    """A step or an entry that waits for a request which nobody makes would block the session for ever."""
    session, engine = Session(CONTRACT), FakeEngine()
    audio = np.concatenate([voice(2.0), silence(1.0), voice(1.0)])
    _, requests = detect_all(session, engine, session.feed(audio))
    session.apply(engine(requests[:-1]))
    state = session.state
    assert state.requests.windows and state.requests.readings and state.assembly.steps
    Session.restore(session.save(), CONTRACT)
    match damage:
        case "open window":
            state.requests.windows.popitem()
        case "open reading":
            state.requests.readings.popitem()
        case "step":
            state.assembly.steps.pop()
        case "outbox entry":
            state.outbox.entries.pop()
        case "id":
            state.requests.last_id = 0
    with pytest.raises(RecordInvalid, match="do not fit together"):
        Session.restore(session.save(), CONTRACT)


def test_two_channels_are_mixed_and_another_shape_is_refused():
    """Mono twice is mono; integers scale like floats."""
    mono = (voice(1.5) * 32_767).astype(np.int16)
    assert differences(events_of([mono]), events_of([np.stack([mono, mono], 1)], channels=2)) == []
    with pytest.raises(ConfigInvalid, match="channel"):
        events_of([np.stack([mono, mono], 1)])
    with pytest.raises(ConfigInvalid, match="int32"):
        events_of([mono.astype(np.int32)])


def test_a_session_saved_by_another_version_or_for_another_model_is_refused():
    """Never a traceback from the middle of a decoder."""
    saved = Session(CONTRACT).save()
    for broken in (b"", b"\x07" + saved[1:], saved[:40], saved[:1] + b"\x93abc", b"garbage"):
        with pytest.raises(RecordInvalid):
            Session.restore(broken, CONTRACT)
    import dataclasses

    with pytest.raises(ConfigInvalid, match="made for model fake"):
        Session.restore(saved, dataclasses.replace(CONTRACT, id="other"))


def test_vad_options_out_of_range_name_the_field():
    """Checked once, for command line, protocol and Python alike."""
    from emoscope.streamer.protocol.config import checked

    with pytest.raises(ConfigInvalid, match="min_silence_s") as caught:
        checked({"vad": {"min_silence_s": 9}})
    assert caught.value.param == "vad.min_silence_s"
    with pytest.raises(ConfigInvalid) as caught:
        checked({"colour": 1})
    assert caught.value.param == "colour"
    assert checked({"vad": {"threshold": 0.7}}).vad == VadConfig(threshold=0.7)
