"""From voiced frames to utterances, windows and readings, over scripted voicing."""

import itertools
import math
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from emoscope.models.windows import parts, without_last
from emoscope.streamer.protocol.config import Config, VadConfig, to_samples
from emoscope.streamer.session.segmenter import InterimDue, Segmenter, UtteranceEnded, UtteranceStarted, WindowComplete
from emoscope.streamer.session.vad import FRAME, Voicing
from emoscope.streamer.session.voice_gate import GateState, VoiceGate
from emoscope.streamer.testing import CONTRACT, REACHING

TAIL = CONTRACT.tail


def segment(voiced, config=None, cuts=(), strict=True, contract=CONTRACT):
    """Actions over scripted frames, as webrtcvad alone would decide; `cuts` are (frame number, reason)."""
    config = config or Config()
    segmenter = Segmenter(contract, config)
    gate = VoiceGate("webrtc", 0.5, to_samples(config.vad.min_speech_s), GateState())
    actions: list[Any] = []
    for number, one in enumerate(voiced):
        for at, reason in cuts:
            if at == number:
                actions += segmenter.cut(number * FRAME, reason)
                gate.restart()
        actions += segmenter.step(gate.judge(Voicing(one and strict, one, one), None))
    actions += segmenter.cut(len(voiced) * FRAME, "finish")
    return actions, segmenter


def utterances(actions):
    """(started, [what was pooled for good, and what closes it], [dues], ended) of each utterance."""
    found: list[Any] = []
    for action in actions:
        match action:
            case UtteranceStarted():
                found.append((action, [], [], None))
            case WindowComplete(window):
                found[-1][1].append(window)
            case InterimDue(_, window):
                found[-1][2].append(action)
                if window is not None and (kept := without_last(REACHING, window)) is not None:
                    found[-1][1].append(kept)
            case UtteranceEnded():
                if action.closing is not None:
                    found[-1][1].append(action.closing)
                found[-1] = (*found[-1][:3], action)
    return found


def committed_before(actions, due):
    """Grid windows that were committed when a reading fell due, of the same utterance."""
    windows: list[Any] = []
    for action in actions:
        match action:
            case UtteranceStarted():
                windows = []
            case WindowComplete(window):
                windows.append(window)
        if action is due:
            return windows
    raise AssertionError("not among the actions")


@st.composite
def patterns(draw):
    """Voicing of up to a minute in runs of every length."""
    frames = []
    for number in range(draw(st.integers(1, 12))):
        frames += [number % 2 == 1] * draw(st.one_of(st.integers(1, 40), st.integers(1, 500)))
    return frames


configs = st.builds(
    lambda interval, minimum, pause, longest: Config(
        interval_s=interval,
        vad=VadConfig(min_speech_s=minimum, min_silence_s=pause, max_utterance_s=longest),
    ),
    st.sampled_from([0.1, 0.33, 0.5, 0.799, 1.7]),
    st.sampled_from([0.02, 0.1, 0.37, 2.0]),
    st.sampled_from([0.1, 0.25, 0.5, 1.3]),
    st.sampled_from([2.0, 2.37, 7.0, 20.0]),
)


def has_utterance(voiced, config):
    """Whether some run of voiced frames is long enough to be an utterance of at least one encoder frame."""
    longest = max((len(list(run)) for one, run in itertools.groupby(voiced) if one), default=0)
    return longest >= math.ceil(round(config.vad.min_speech_s * 16_000) / FRAME) and longest * FRAME > CONTRACT.frame


@given(patterns(), configs, st.lists(st.integers(0, 2000), max_size=2), st.sampled_from([CONTRACT, REACHING]))
def test_every_frame_of_an_utterance_is_pooled_exactly_once(voiced, config, flushes, contract):
    """Committed windows and the closing one own each encoder frame from start to end, and nothing else."""
    actions, _ = segment(voiced, config, [(at, "flush") for at in flushes], contract=contract)
    found = utterances(actions)
    assert found or flushes or not has_utterance(voiced, config)
    for started, windows, _, ended in found:
        owned = [f for w in windows for f in range(w.own_start, w.own_end, CONTRACT.frame)]
        assert owned == list(range(started.start, ended.end, CONTRACT.frame))
        assert all(w.start >= started.start and w.end <= ended.end for w in windows)


@given(patterns(), configs)
def test_cells_do_not_depend_on_interims_and_are_complete(voiced, config):
    """With interims or without, the same stretches are pooled, each with its reach around it and no audio to come."""
    found = []
    for interim in (True, False):
        one = msgspec.structs.replace(config, interim=interim)
        actions, _ = segment(voiced, one, contract=REACHING)
        found.append(utterances(actions))
        for started, windows, dues, ended in found[-1]:
            for window in [*windows, *(due.window for due in dues)]:
                assert window.end - window.start <= REACHING.window
                assert window.start == max(started.start, window.own_start - REACHING.reach)
            for due in dues:
                assert due.window.own_end == due.window.end == due.at
            for window in windows:
                assert window.end in (window.own_end + REACHING.reach, ended.end)
    for (_, windows, _, _), (_, others, _, _) in zip(*found, strict=True):
        pooled, alike = ([p for w in every for p in parts(REACHING, w)] for every in (windows, others))
        assert [(p.own_start, p.own_end, p.centre) for p in pooled] == [
            (p.own_start, p.own_end, p.centre) for p in alike
        ]


def test_a_second_of_speech_is_encoded_less_than_two_and_a_half_times():
    """The interim of each half second takes what is new, and the reach before and after it."""
    actions, _ = segment([True] * 2_990, Config(vad=VadConfig(max_utterance_s=60.0)), contract=REACHING)
    [(started, windows, dues, ended)] = utterances(actions)
    encoded = sum(due.window.end - due.window.start for due in dues) + windows[-1].end - windows[-1].start
    assert len(dues) == 119, "one each half second"
    assert encoded < 2.45 * (ended.end - started.start)


@given(patterns(), configs)
def test_every_voiced_frame_of_a_long_enough_run_is_in_an_utterance(voiced, config):
    """Nothing that was clearly said is lost, up to the rounding to whole encoder frames at a cut by silence or end."""
    actions, _ = segment(voiced, config)
    spans = [(s.start, e.end) for s, _, _, e in utterances(actions)]
    need = math.ceil(round(config.vad.min_speech_s * 16_000) / FRAME)
    run = 0
    for number, frame in enumerate([*voiced, False]):
        if frame:
            run += 1
            continue
        if run >= need:
            begin, end = (number - run) * FRAME, number * FRAME
            covered = sum(max(0, min(b, end) - max(a, begin)) for a, b in spans)
            assert covered >= end - begin - CONTRACT.frame
        run = 0


@given(patterns(), configs)
def test_utterances_never_overlap_and_no_reading_goes_beyond_speech(voiced, config):
    """Each begins at or after the last one's end; interims end within the utterance, at rising whole frames."""
    actions, _ = segment(voiced, config)
    found = utterances(actions)
    assert found or not has_utterance(voiced, config)
    last_end = 0
    for started, _, dues, ended in found:
        assert last_end <= started.start <= ended.end
        last_end = ended.end
        times = [due.at for due in dues]
        assert all(w.end <= due.at for due in dues for w in committed_before(actions, due))
        assert times == sorted(set(times))
        for due in dues:
            assert started.start < due.at <= ended.end
            assert (due.at - started.start) % CONTRACT.frame == 0
            assert due.window is None or due.window.end == due.at


@given(patterns(), configs)
def test_an_interim_is_read_only_where_the_voice_sounds(voiced, config):
    """One due at t is made only if the detector's frame that contains t is voiced."""
    actions, _ = segment(voiced, config)
    step = round(config.interval_s * 16_000)
    found = utterances(actions)
    assert found or not has_utterance(voiced, config)
    following = [started.start for started, *_ in found[1:]] + [len(voiced) * FRAME]
    for (started, _, dues, ended), next_start in zip(found, following, strict=False):
        made = {due.at for due in dues}
        expected = set()
        limit = started.start + round(config.vad.max_utterance_s * 16_000) // CONTRACT.frame * CONTRACT.frame
        # The last voiced frame ends less than one encoder frame after the end, which is rounded down to one.
        for t in range(started.start + step, min(limit, next_start, ended.end + CONTRACT.frame), step):
            at = started.start + (t - started.start) // CONTRACT.frame * CONTRACT.frame
            if t // FRAME < len(voiced) and voiced[t // FRAME] and at > started.start:
                expected.add(at)
        assert made == expected


def test_a_short_noise_is_no_utterance():
    """80 ms of voice with a minimum of 100 is nothing."""
    assert utterances(segment([False] * 10 + [True] * 4 + [False] * 50)[0]) == []


def test_an_utterance_ends_a_tail_after_its_last_voiced_frame():
    """A breath or a laugh after speech stays in; the end is a whole frame from the start."""
    actions, _ = segment([False] * 10 + [True] * 50 + [False] * 50)
    [(started, _, _, ended)] = utterances(actions)
    assert started.start == 10 * FRAME
    assert ended.reason == "silence"
    assert ended.end == started.start + (50 * FRAME + TAIL) // CONTRACT.frame * CONTRACT.frame


def test_a_long_utterance_is_cut_and_the_next_begins_at_the_cut():
    """No frame between them is lost."""
    config = Config(vad=VadConfig(max_utterance_s=4.0))
    actions, _ = segment([True] * 500 + [False] * 50, config)
    found = utterances(actions)
    assert [e.reason for *_, e in found] == ["max", "max", "silence"]
    assert [s.start for s, *_ in found[1:]] == [e.end for *_, e in found[:-1]]


def test_flush_ends_the_utterance_now_and_the_next_one_needs_new_speech():
    """Audio after the flush is judged afresh."""
    actions, _ = segment([True] * 100, cuts=[(60, "flush")])
    first, second = utterances(actions)
    assert first[3].reason == "flush" and first[3].end <= 60 * FRAME
    assert second[0].start >= 60 * FRAME and second[3].reason == "finish"
