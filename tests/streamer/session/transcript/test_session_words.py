"""A session with transcription: the contracts of `test_session.py`, and the protocol's rules on transcripts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import cut, speech_with_pauses, splits

from emoscope.streamer import Config, Session, VadConfig
from emoscope.streamer.protocol.events import SpokenWord
from emoscope.streamer.session.requests import Read, Transcribe
from emoscope.streamer.session.transcript.hypothesis import Hypothesis, RecognizedSegment
from emoscope.streamer.session.vad import FRAME
from emoscope.streamer.testing import CONTRACT, FakeEngine, answer_all, differences, run, silence, voice

from .word_sessions import TALK, events_of, of_type, session_of


@given(speech_with_pauses(), splits())
def test_any_chunking_gives_the_same_events_and_words(audio, shares):
    """Any chunking gives the same words: when passes are due is decided in audio time."""
    assert differences(events_of([audio]), events_of(cut(audio, shares))) == []


@given(speech_with_pauses(), st.floats(0, 1), st.booleans())
def test_a_saved_session_goes_on_with_the_same_words(audio, share, answered):
    """What two passes agreed on, the passes that wait and the language are part of the saved state."""
    before, after = cut(audio, [share])
    engine, first = FakeEngine(), session_of()
    events, requests = first.feed(before)
    if answered:
        events = answer_all(first, engine, events, requests)
    second = Session.restore(first.save(), CONTRACT)
    assert {r.id for r in second.pending()} == {r.id for r in first.pending()}
    events = events + answer_all(second, engine, [], second.pending())
    events += run(second, engine, [after])
    assert differences(events_of([audio]), events) == []


@given(speech_with_pauses(), st.randoms(use_true_random=False))
@settings(max_examples=25)
def test_answers_in_any_order_give_the_same_words(audio, shuffler):
    """Only interims may change places: one of the voice does not wait for one of the words."""
    audio = np.concatenate([audio, voice(1.0)])  # long enough to be an utterance with interims
    session, engine = session_of(), FakeEngine()
    events, waiting = session.feed(audio)
    more, requests = session.finish()
    events, waiting = events + more, waiting + requests
    while waiting:
        shuffler.shuffle(waiting)
        more, requests = session.apply(engine([waiting.pop()]))
        events, waiting = events + more, waiting + requests
    whole = events_of([audio])
    for kinds in (
        ("transcript.interim",),
        ("emotion.interim",),
        ("speech.started", "speech.ended", "transcript.final", "emotion.final", "mood", "session.closed"),
    ):
        assert differences(of_type(whole, *kinds), of_type(events, *kinds)) == []
    place = {id(event): number for number, event in enumerate(events)}
    interims = of_type(events, "transcript.interim", "emotion.interim")
    assert interims
    for event in interims:
        ended = next(e for e in of_type(events, "speech.ended") if e.utterance == event.utterance)
        assert place[id(event)] < place[id(ended)]


def test_events_come_in_the_protocols_order():
    """One transcript.final an utterance, between its speech.ended and its emotion.final; numbers go up by one."""
    events = events_of([TALK])
    for utterance in (1, 2):
        kinds = [e.type for e in events if getattr(e, "utterance", None) == utterance]
        assert kinds[0] == "speech.started" and kinds[-3:] == ["speech.ended", "transcript.final", "emotion.final"]
        assert set(kinds[1:-3]) == {"emotion.interim", "transcript.interim"}
    durable = [e.seq for e in events if hasattr(e, "seq")]
    assert durable == list(range(1, len(durable) + 1))


def test_a_finals_words_are_those_of_the_pass_over_the_whole_utterance():
    """With times on the session's clock, and shares that sum to 1."""
    events, engine = events_of([TALK]), FakeEngine()
    transcripts, finals = of_type(events, "transcript.final"), of_type(events, "emotion.final")
    assert len(transcripts) == 2
    for said, final in zip(transcripts, finals, strict=True):
        assert final.text == "used" and [w.word for w in final.words] == [w.word for w in said.words]
        assert len(said.words) >= 5 and said.text == " ".join(w.word for w in said.words)
        assert abs(sum(w.weight for w in final.words) - 1) < 1e-4 and len({w.weight for w in final.words}) > 2
        assert all(said.start <= w.start <= w.end <= said.end for w in said.words)
        begin = round(said.start * 16_000)
        from emoscope.streamer.session.transcript.rolling import to_int16

        audio = to_int16(TALK[begin : round(said.end * 16_000)])
        whole = engine.transcribe(Transcribe(0, 0, begin, 0, True, None, audio))
        assert [w.word for w in said.words] == [w.word for w in whole.segments[0].words]


def test_stable_characters_never_change():
    """Each interim, and the final, begins with what the one before called stable."""
    events = events_of([voice(12.0)])
    stable = ""
    for event in of_type(events, "transcript.interim", "transcript.final"):
        assert event.text.startswith(stable)
        stable = event.text[: event.stable]
    assert len(of_type(events, "transcript.interim")) >= 10 and stable == event.text


class Recording(FakeEngine):
    """Keeps what it was asked."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def __call__(self, requests):
        self.asked += requests
        return super().__call__(requests)

    def kept(self, kind):
        return [request for request in self.asked if isinstance(request, kind)]


def test_the_first_pass_is_not_later_because_silero_agrees_later():
    """Speech is counted from where it had lasted `min_speech_s`, as where webrtcvad alone proves an utterance."""
    engine = Recording()
    events_of([silence(0.5), voice(3.0)], engine, vad=VadConfig(backend="both", min_speech_s=0.1), refresh_s=0.7)
    first, second, *_ = engine.kept(Transcribe)
    onset = 8_000
    assert not first.final and abs(first.due - onset - 0.8 * 16_000) <= 2 * FRAME
    assert 0.7 * 16_000 <= second.due - first.due < 0.7 * 16_000 + FRAME


def test_an_interim_reading_counts_words_that_are_old_enough_to_be_there():
    """So it never waits for a recognizer that keeps `text_wait_s`, and is still a function of the audio."""
    engine = Recording()
    events = events_of([voice(8.0)], engine, text_wait_s=1.0, refresh_s=1.0)
    interims = of_type(events, "transcript.interim")
    counts = [len(request.words) for request in engine.kept(Read)]
    assert counts[0] == 0 and max(counts) >= 10
    with_words = [read for read in engine.kept(Read) if 0 < read.seconds < 7.9 and read.words]
    assert with_words
    for read in with_words:
        told = [e for e in interims if e.end - e.start <= read.seconds - 0.99]
        assert list(read.words) == told[-1].text[: told[-1].stable].split()
        assert read.certainty == pytest.approx(0.9)


def test_without_a_recognizer_there_is_no_transcript():
    """The effective config says so, whatever was asked for."""
    for session in (Session(CONTRACT), Session(CONTRACT, Config(transcript=False), transcribe=True)):
        assert session.config.transcript is False
        events = run(session, FakeEngine(), [TALK])
        assert not of_type(events, "transcript.interim", "transcript.final")
        assert [e.text for e in of_type(events, "emotion.final")] == ["off", "off"]
    assert session_of().config.transcript is True


def test_nothing_is_asked_in_silence():
    """Neither in a quiet room nor in digital silence, and a minute's pause brings no words of before."""
    engine = Recording()
    assert [e.type for e in events_of([silence(30.0), np.zeros(480_000, np.float32)], engine)] == ["session.closed"]
    assert engine.asked == []
    events = events_of([voice(3.0), np.zeros(960_000, np.float32), voice(2.0, 220.0, seed=4)], engine)
    first, second = of_type(events, "transcript.final")
    assert second.start > 63 - 0.5 and second.words and all(word.start >= second.start for word in second.words)
    assert len(second.text) < len(first.text)


def test_sound_too_quiet_for_words_is_read_without_asking():
    """A transcript.final without words, and nothing asked for."""
    engine = Recording()
    events = events_of([voice(3.0, level=0.002)], engine)
    assert of_type(events, "speech.ended"), "the detector finds speech at any level"
    assert engine.kept(Transcribe) == []
    assert [e.text for e in of_type(events, "transcript.final")] == [""]
    assert [e.text for e in of_type(events, "emotion.final")] == ["used"]


def test_two_minutes_of_speech_stay_within_bounds():
    """An interim pass covers at most 28 s, the last one the whole utterance; what is saved stays bounded."""
    engine = Recording()
    session = session_of(vad=VadConfig(max_utterance_s=120), refresh_s=2.0)
    voices, sizes = voice(122.0), []
    for block in np.split(voices, 122):
        run(session, engine, [block], finish=False)
        sizes.append(len(session.save()))
    passes = engine.kept(Transcribe)
    assert max(len(p.audio) for p in passes if not p.final) <= 28 * 16_000
    [whole] = [p for p in passes if p.final]
    assert len(whole.audio) == 120 * 16_000
    # The utterance once for the recognizer, and once more for the voice detector, which is made anew at its end.
    assert max(sizes) < 1.1 * (4 + 2) * 120 * 16_000 and sizes[-1] < max(sizes) / 10


def test_words_that_no_reading_can_count_any_more_are_let_go():
    """What is kept for readings does not grow with every pass over a long utterance."""
    session, engine = session_of(vad=VadConfig(max_utterance_s=120), refresh_s=0.5), FakeEngine()
    for block in np.split(voice(40.0), 40):
        run(session, engine, [block], finish=False)
        assert len(session.state.assembly.words) <= 4
    assert session.state.assembly.utterance == 1


def test_twenty_minutes_with_words_keep_their_size():
    """The saved state stays bounded."""
    phrase = np.concatenate([voice(3.0), silence(7.0)])
    session, engine = session_of(), FakeEngine()
    sizes = []
    for _ in range(120):
        run(session, engine, [phrase], finish=False)
        sizes.append(len(session.save()))
    assert max(sizes[60:]) <= 1.05 * max(sizes[:60])


def test_the_words_lag_is_told_apart():
    """While a pass is open the voice goes on, and `processed_s` waits for both."""
    session, engine = session_of(), FakeEngine()
    _, requests = session.feed(voice(3.0))
    while others := [r for r in requests if not isinstance(r, Transcribe)]:
        spoken = [r for r in requests if isinstance(r, Transcribe)]
        _, requests = session.apply(engine(others))
        requests = [*spoken, *requests]
    assert session.transcribed_s < 1.0 and session.processed_s <= session.transcribed_s
    assert session.read_s > session.transcribed_s
    answer_all(session, engine, [], session.pending())
    assert session.transcribed_s == session.read_s == session.processed_s


@pytest.mark.filterwarnings("error")
def test_an_utterance_that_is_over_as_it_begins_has_its_final():
    """Cut by its greatest length, and by `finish` a moment later: no words, no warning of anybody's library."""
    session, engine, events = session_of(vad=VadConfig(max_utterance_s=2.0)), FakeEngine(), []
    for block in np.split(voice(3.0), 150):
        events += run(session, engine, [block], finish=False)
        if session.state.segmenter.utterances == 2:
            break
    events += answer_all(session, engine, *session.finish())
    *_, last = of_type(events, "transcript.final")
    assert last.utterance == 2 and last.start == last.end and last.text == ""
    assert [e.utterance for e in of_type(events, "emotion.final")] == [1, 2]


def test_attention_can_be_disabled_while_transcription_is_enabled():
    """The words' shares still sum to 1."""
    finals = of_type(events_of([TALK], attention=False), "emotion.final")
    assert len(finals) == 2
    for final in finals:
        assert final.attention == [] and final.words
        assert abs(sum(word.weight for word in final.words) - 1) < 1e-4


def test_words_without_spaces_stay_without_in_transcript_and_reading():
    """As a recognizer of Chinese or Japanese returns them: `space` goes with the word to every event."""

    class Unspaced(FakeEngine):
        def transcribe(self, request):
            words = (
                SpokenWord(word="你", start=0.1, end=0.5, p=0.9),
                SpokenWord(word="好", start=0.6, end=1.0, p=0.9, space=False),
            )
            return Hypothesis(segments=(RecognizedSegment(words=words),), language="zh", language_p=0.95)

    events = events_of([voice(2.0)], Unspaced())
    [transcript], [final] = of_type(events, "transcript.final"), of_type(events, "emotion.final")
    assert transcript.text == "你好"
    assert [word.space for word in transcript.words] == [word.space for word in final.words] == [True, False]
