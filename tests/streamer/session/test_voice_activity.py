"""One decision a frame: webrtcvad and the network's probabilities, whenever those are answered."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoscope.streamer import Config, Drive, Session, VadConfig
from emoscope.streamer.engine.voice_activity import available, detect_voice
from emoscope.streamer.session.requests import DetectVoice, Dropped, Failed, VoiceProbabilities
from emoscope.streamer.session.spans import speech_spans
from emoscope.streamer.session.vad import FRAME, Voicing
from emoscope.streamer.session.voice_activity import CHUNK, CONTEXT, VoiceActivity, VoiceActivityState
from emoscope.streamer.session.voice_gate import GateState, VoiceGate
from emoscope.streamer.testing import CONTRACT, FakeEngine, answer_all, differences, run, silence, voice

BOTH, WEBRTC = Config(vad=VadConfig(backend="both")), Config(vad=VadConfig(backend="webrtc"))
ROOM = silence(1.0)
TALK = np.concatenate([ROOM, voice(2.0), silence(1.5, seed=1), voice(1.2, 220.0, seed=2), silence(1.0, seed=3)])


def activity(backend="both", state=None):
    """A detection with the default options, and its state."""
    state = VoiceActivityState() if state is None else state
    return VoiceActivity(backend, 0.5, 1_600, state), state


def decisions(audio, blocks, delay, backend="both", engine=None):
    """Decisions over `audio` that arrives in `blocks`; requests are answered after so many blocks."""
    detection, state = activity(backend)
    engine = engine or FakeEngine()
    found, position, waiting = [], 0, []
    bounds = np.cumsum([0, *blocks, len(audio)]).clip(0, len(audio))
    for until in bounds:
        while state.judged + FRAME <= until:
            detection.accept(audio[state.judged : state.judged + FRAME])
        request = detection.ask(lambda: 1)
        if request is not None:
            waiting.append([delay, request])
        for one in list(waiting):
            one[0] -= 1
            if one[0] < 0:
                waiting.remove(one)
                detection.answer(engine.detect(one[1]))
        for decision in detection.decide(position, state.judged):
            found.append(decision)
            position += FRAME
    detection.cut(len(audio))
    for _, request in waiting:
        detection.answer(engine.detect(request))
    while position + FRAME <= len(audio):
        while (request := detection.ask(lambda: 1)) is not None:
            detection.answer(engine.detect(request))
        for decision in detection.decide(position, len(audio)):
            found.append(decision)
            position += FRAME
    return found


@given(st.lists(st.integers(1, 20_000), max_size=8), st.integers(0, 5))
def test_decisions_depend_neither_on_the_blocks_nor_on_when_answers_come(blocks, delay):
    """What is asked, and what follows, is a function of the audio alone."""
    expected = decisions(TALK, [], 0)
    assert len(expected) == len(TALK) // FRAME
    assert decisions(TALK, blocks, delay) == expected


class Unsure(FakeEngine):
    """The network is never certain enough for a beginning, but certain enough for a second look."""

    def detect(self, request):
        answer = super().detect(request)
        return VoiceProbabilities([0.5] * len(answer.probabilities), answer.network)


LONG_TALK = np.concatenate([ROOM, voice(2.5, level=0.3), silence(1.5, seed=1)])


@given(st.lists(st.integers(1, 20_000), max_size=8), st.integers(0, 5))
@settings(max_examples=20)
def test_second_looks_depend_neither_on_the_blocks_nor_on_when_answers_come(blocks, delay):
    """A frame waits for its look, wherever the audio was cut."""
    expected = decisions(LONG_TALK, [], 0, engine=Unsure())
    assert len(expected) == len(LONG_TALK) // FRAME and any(decision.begins for decision in expected)
    assert decisions(LONG_TALK, blocks, delay, engine=Unsure()) == expected


def test_a_session_that_is_saved_while_it_looks_again_goes_on_with_the_same_events():
    """The frame that waits, and the open request, are part of the saved state."""
    blocks = np.array_split(LONG_TALK, 50)
    expected = run(Session(CONTRACT, BOTH), Unsure(), blocks)
    assert [event for event in expected if event.type == "emotion.final"]
    session, engine, events, restored = Session(CONTRACT, BOTH), Unsure(), [], 0
    for block in blocks:
        more, requests = session.feed(block)
        while True:
            events += more
            if session.state.vad.look is not None:
                restored += 1
                session = Session.restore(session.save(), CONTRACT)
                requests = session.pending()
            if not requests:
                break
            more, requests = session.apply(engine(requests))
    assert restored > 0
    assert differences(expected, events + answer_all(session, engine, *session.finish())) == []


def test_the_network_runs_only_where_a_sound_rises_above_the_room():
    """A minute of a quiet room asks for nothing."""
    detection, state = activity()
    room, decided = silence(60.0), 0
    while state.judged + FRAME <= len(room):
        detection.accept(room[state.judged : state.judged + FRAME])
        decided += len(list(detection.decide(state.decided, state.judged)))
        assert detection.ask(lambda: 1) is None
        assert len(state.levelled) < 2 * 16_000
    assert decided == 3_000


def test_a_network_that_always_has_more_to_hear_keeps_no_audio_that_it_has_heard():
    """Audio comes faster than real time: with each answer the next second is there already."""
    detection, state = activity()
    sound, engine, waiting, decided = np.resize(voice(4.0), 120 * 16_000), FakeEngine(), None, 0
    for second in np.split(sound, 120):
        detection.accept(second)
        if waiting is not None:
            detection.answer(engine.detect(waiting))
            decided += len(list(detection.decide(state.decided, state.judged)))
        waiting = detection.ask(lambda: 1)
        assert waiting is not None
        assert len(state.levelled) < 2 * 3 * 16_000
    assert decided > 5_000


def test_a_request_holds_context_and_whole_chunks():
    """64 samples before the first chunk, silence at the beginning of a stretch, and the memory of the chunks before."""
    detection, state = activity()
    requests = []
    for begin in range(0, len(TALK) - FRAME + 1, FRAME):
        detection.accept(TALK[begin : begin + FRAME])
        request = detection.ask(lambda: 1)
        if request is not None:
            requests.append(request)
            detection.answer(FakeEngine().detect(request))
    assert len(requests) > 50
    for request in requests:
        assert (len(request.audio) - CONTEXT) % CHUNK == 0 and len(request.audio) > CONTEXT
        assert request.network.shape == (2, 128)
    assert not requests[0].audio[:CONTEXT].any() and requests[1].audio[:CONTEXT].any()
    assert state.stretches == [] or len(state.stretches) <= 2


def test_the_detector_is_made_anew_in_long_silence_and_in_endless_murmur():
    """Its noise model, and what is kept to rebuild it, cannot grow."""
    for audio in (silence(35.0), np.resize(voice(4.0), 65 * 16_000)):
        detection, state = activity("webrtc")
        longest = 0
        while state.judged + FRAME <= len(audio):
            detection.accept(audio[state.judged : state.judged + FRAME])
            longest = max(longest, len(state.webrtc.fed))
        assert 0 < longest <= 2 * 20 * 16_000


def gate(backend="both"):
    return VoiceGate(backend, 0.5, 1_600, GateState())


VOICED, QUIET = Voicing(True, True, True), Voicing(False, False, False)


def test_an_utterance_begins_when_both_agree_and_not_when_one_of_them_does():
    """Rain, which webrtcvad takes for a voice, begins no utterance; speech on which both agree begins one."""
    rain = gate()
    assert not [d for d in (rain.judge(VOICED, 0.02) for _ in range(500)) if d.begins]
    speech = gate()
    found = [speech.judge(VOICED, 0.9) for _ in range(50)]
    first = next(number for number, decision in enumerate(found) if decision.begins)
    assert first * 0.02 <= 0.2, "the first reading is late by at most 0.2 s"
    assert found[first].lead == (first + 1) * FRAME and found[first].sure > found[first].lead


def test_a_long_voice_that_the_network_does_not_know_begins_once_a_second_look_finds_it():
    """Not before 0.7 s of it, not where the look finds none, and not where the room always sounds like that."""
    for found, room, begins in ((True, QUIET, True), (False, QUIET, False), (True, VOICED, False)):
        one, looks, begun = gate(), 0, []
        for _ in range(300):
            one.judge(room, 0.02, False if one.doubts(room, 0.02) else None)
        for number in range(100):
            doubts = one.doubts(VOICED, 0.1)
            looks += doubts
            decision = one.judge(VOICED, 0.1, found if doubts else None)
            begun += [(number, decision)] if decision.begins else []
        assert bool(begun) is begins and bool(looks) is (room == QUIET)
        if begun:
            number, decision = begun[0]
            assert number * 0.02 >= 0.6 and decision.lead == (number + 1) * FRAME, "the onset is kept"


def test_a_look_needs_a_voice_without_a_break():
    """A dog that barks now and then is not looked at again."""
    one = gate()
    assert not any(one.doubts(v, 0.1) or one.judge(v, 0.1).begins for v in ([VOICED] * 15 + [QUIET] * 10) * 20)


def test_a_laugh_after_speech_stays_in_its_utterance_in_a_quiet_room_and_noise_after_speech_does_not():
    """webrtcvad takes both for speech, the network neither; they differ in how webrtcvad judged the room before."""
    held = {}
    for room in (QUIET, VOICED):
        one = gate()
        for _ in range(300):
            one.judge(room, 0.02)
        for _ in range(100):
            one.judge(VOICED, 0.95)
        held["quiet" if room == QUIET else "noisy"] = sum(one.judge(VOICED, 0.05).voiced for _ in range(200))
    assert held["quiet"] * 0.02 >= 0.9
    assert held["noisy"] * 0.02 <= 0.2


def test_without_an_answer_webrtcvad_decides_alone():
    """A broken detector must not keep the session from finding speech."""
    session, plain = Session(CONTRACT, BOTH), Session(CONTRACT, WEBRTC)

    class Broken(FakeEngine):
        def __call__(self, requests):
            broken = [r for r in requests if isinstance(r, DetectVoice)]
            results = [Failed(r.id, "gone") if r.id % 2 else Dropped(r.id) for r in broken]
            return [*results, *super().__call__([r for r in requests if not isinstance(r, DetectVoice)])]

    types = [event.type for event in run(session, Broken(), [TALK])]
    assert types.count("warning") == 1, "it is said once"
    types.remove("warning")
    assert types == [event.type for event in run(plain, FakeEngine(), [TALK])]
    assert types.count("emotion.final") == 2 and "error" not in types


class WithoutDetector(FakeEngine):
    """An engine from before there was a network: it raises for what it does not know."""

    def _answer(self, request):
        if isinstance(request, DetectVoice):
            raise TypeError("unknown request")
        return super()._answer(request)


class Silent(FakeEngine):
    """An engine that leaves out what it does not know."""

    def __call__(self, requests):
        return super().__call__([request for request in requests if not isinstance(request, DetectVoice)])


@pytest.mark.parametrize(
    ("engine", "reason"), [(WithoutDetector(), "unknown request"), (Silent(), "no result for DetectVoice")]
)
def test_an_engine_that_detects_no_voice_gives_one_warning_and_all_readings(engine, reason):
    """A session neither waits for ever nor fails: webrtcvad decides alone."""
    events = list(Drive(Session(CONTRACT), engine).run([TALK]))
    warnings = [event for event in events if event.type == "warning"]
    assert [warning.code for warning in warnings] == ["vad_failed"]
    assert reason in warnings[0].message and "webrtcvad decides alone" in warnings[0].message
    finals = [event for event in events if event.type == "emotion.final"]
    plain = [e for e in run(Session(CONTRACT, WEBRTC), FakeEngine(), [TALK]) if e.type == "emotion.final"]
    assert [(e.start, e.end) for e in finals] == [(e.start, e.end) for e in plain] and len(finals) == 2
    assert events[-1].type == "session.closed"


def test_a_reset_while_frames_wait_happens_after_them():
    """Flush, reset and finish keep their places in the audio, however late the answers are."""
    late, prompt = Session(CONTRACT, BOTH), Session(CONTRACT, BOTH)
    engine = FakeEngine()
    outputs = [late.feed(TALK[:30_000]), late.reset(), late.feed(TALK[30_000:]), late.finish()]
    assert not [event for output in outputs for event in output.events]
    events = answer_all(late, engine, [], [request for output in outputs for request in output.requests])
    expected = answer_all(prompt, engine, *prompt.feed(TALK[:30_000]))
    expected += answer_all(prompt, engine, *prompt.reset())
    expected += run(prompt, engine, [TALK[30_000:]])
    durable = [e for e in events if hasattr(e, "seq")]
    assert [(e.type, e.seq) for e in durable] == [(e.type, e.seq) for e in expected if hasattr(e, "seq")]
    assert durable[-1].type == "session.closed"


@pytest.mark.parametrize("gain_db", [-40, -20, 20])
def test_the_network_detects_a_quiet_voice_as_well_as_a_loud_one(gain_db):
    """It is given the levels that webrtcvad is given."""
    plain = speech_spans(TALK, CONTRACT, BOTH, FakeEngine().detect)
    other = speech_spans(np.float32(10 ** (gain_db / 20)) * TALK, CONTRACT, BOTH, FakeEngine().detect)
    assert len(plain) == len(other) == 2
    moved = np.abs(np.array(plain) - np.array(other))
    assert moved[:, 0].max() <= 2 * FRAME, "the onset is where it was"
    assert moved[:, 1].max() <= 10 * FRAME, "the end may move, since digital silence has no level to bring up"


def test_the_real_network_answers_alike_however_its_chunks_are_shared_out():
    """One request or many: to the last bit, since a border of a probability would else move an utterance."""
    assert available(), "onnxruntime and the weights come with faster-whisper"
    audio = np.concatenate([np.zeros(CONTEXT, np.float32), TALK[: 100 * CHUNK]])
    whole = detect_voice(DetectVoice(1, audio, np.zeros((2, 128), np.float32)))
    network = np.zeros((2, 128), np.float32)
    parts: list[float] = []
    for first, count in ((0, 1), (1, 7), (8, 30), (38, 62)):
        piece = audio[first * CHUNK : CONTEXT + (first + count) * CHUNK]
        answer = detect_voice(DetectVoice(1, piece, network))
        network, parts = answer.network, [*parts, *answer.probabilities]
    assert parts == whole.probabilities and len(parts) == 100
