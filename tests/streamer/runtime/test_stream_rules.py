"""What is given up when a stream falls behind, and what is reported: on a virtual clock, to the window."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from emoscope.streamer.protocol.config import SAMPLE_RATE
from emoscope.streamer.protocol.events import Lag, Limits, Status
from emoscope.streamer.runtime.rules import (
    SKIP_LAG_S,
    ChannelShedding,
    ChannelView,
    FinishDeadline,
    QueuedWindow,
    SecondCounter,
    StreamRules,
    StreamView,
    may_read_on,
    status,
)

HOP_S = 0.8


def view(audio_s: float, *read_s: float, waiting_s: float = 0.0, processed_s: float | None = None) -> StreamView:
    """A stream with a channel for each `read_s`, whose words and events have come as far as its voice."""
    channels = [
        ChannelView(read_s=voice, transcribed_s=voice, processed_s=voice if processed_s is None else processed_s)
        for voice in read_s
    ]
    return StreamView(audio_s=audio_s, channels=channels, waiting_s=waiting_s)


def window(number: int, own_start_s: float, queued_at: float, interim: bool = False) -> QueuedWindow:
    start = round(own_start_s * SAMPLE_RATE)
    end = start + round(HOP_S * SAMPLE_RATE)
    return QueuedWindow(id=number, own_start=start, own_end=end, queued_at=queued_at, interim=interim)


def windows(from_s: float, to_s: float, complete_after_s: float = 1.6) -> list[QueuedWindow]:
    """Windows of running speech, each queued as soon as it was complete; wall time runs with the audio clock."""
    count = math.ceil((to_s - from_s) / HOP_S)
    return [window(n, from_s + n * HOP_S, from_s + n * HOP_S + complete_after_s) for n in range(count)]


def spans(queued: list[QueuedWindow], ids: frozenset[int]) -> list[tuple[int, int]]:
    return [(w.own_start, w.own_end) for w in queued if w.id in ids]


def test_at_10_1_s_only_the_windows_older_than_the_limit_are_dropped_and_the_span_says_which() -> None:
    """A window is older than the limit when it begins more than 10 s before the newest audio."""
    rules, queued = StreamRules(), windows(20.0, 28.0)
    [channel] = rules.shed(30.1, view(30.1, 20.0), [queued]).channels
    assert channel.drop == {0}
    warning = rules.dropped(spans(queued, channel.drop))
    assert warning is not None
    assert (warning.code, warning.start, warning.end) == ("audio_dropped", 20.0, 20.8)


@pytest.mark.parametrize(
    ("lag_s", "dropped"),
    [(9.9, 0), (10.0, 0), (10.1, 1), (10.79, 1), (10.81, 2), (12.0, 3), (17.7, 10)],
)
def test_so_many_windows_are_dropped_that_the_rest_is_within_the_limit(lag_s: float, dropped: int) -> None:
    rules, queued = StreamRules(), windows(0.0, 8.0)
    [channel] = rules.shed(lag_s, view(lag_s, 0.0), [queued]).channels
    assert channel.drop == set(range(dropped))


def test_audio_that_waits_in_the_microphone_counts_as_lag() -> None:
    rules, queued = StreamRules(), windows(0.0, 4.0)
    [channel] = rules.shed(12.0, view(6.0, 0.0, waiting_s=6.0), [queued]).channels
    assert channel.drop == {0, 1, 2}


def test_a_burst_is_no_backlog_until_its_oldest_window_has_waited() -> None:
    """Thirty seconds that arrive at once, after a stall, are read; they are dropped where nothing gets done."""
    rules = StreamRules()
    queued = [window(n, n * HOP_S, queued_at=100.0) for n in range(36)]
    assert rules.shed(100.0, view(30.0, 0.0), [queued]).channels == [ChannelShedding()]
    assert rules.shed(102.0, view(30.0, 0.0), [queued]).channels == [ChannelShedding()]
    [channel] = rules.shed(102.1, view(30.0, 0.0), [queued]).channels
    assert channel.drop == set(range(25))


def test_after_a_resume_nothing_is_dropped_until_the_stream_has_caught_up() -> None:
    rules, queued = StreamRules(), windows(0.0, 28.0)
    rules.resumed()
    shedding = rules.shed(30.0, view(30.0, 0.0), [queued])
    assert (shedding.channels, shedding.lagging) == ([ChannelShedding()], None)
    rules.shed(31.0, view(30.0, 29.0), [[]])
    [channel] = rules.shed(60.0, view(60.0, 30.0), [windows(30.0, 58.0)]).channels
    assert channel.drop == set(range(25))


def test_what_a_client_may_not_even_keep_is_dropped_while_it_catches_up() -> None:
    rules = StreamRules(limits=Limits(resume_ttl_s=5.0, max_frame_s=1.0))
    rules.resumed()
    assert rules.shed(16.0, view(16.0, 0.0), [windows(0.0, 14.0)]).channels == [ChannelShedding()]
    [channel] = rules.shed(16.5, view(16.5, 0.0), [windows(0.0, 14.0)]).channels
    assert channel.drop == set(range(9))


def test_interims_are_skipped_past_2_s_and_lagging_is_reported_once_an_episode() -> None:
    rules = StreamRules()

    def shed(audio_s: float, read_s: float) -> tuple[set[int], bool]:
        queued = [window(1, read_s, audio_s - 0.4), window(2, read_s, audio_s - 0.4, interim=True)]
        shedding = rules.shed(audio_s, view(audio_s, read_s), [queued])
        assert shedding.channels[0].drop == set()
        return set(shedding.channels[0].skip), shedding.lagging is not None

    assert shed(10.0, 8.1) == (set(), False)
    assert shed(10.1, 8.1) == ({2}, True)
    assert shed(11.0, 8.1) == ({2}, False)
    assert shed(11.5, 10.0) == (set(), False)
    assert shed(14.0, 11.0) == ({2}, True)


def test_lagging_is_not_reported_where_no_interim_is_skipped() -> None:
    rules = StreamRules()
    assert rules.shed(5.0, view(5.0, 1.0), [windows(1.0, 3.0)]).lagging is None


def test_what_waited_while_the_model_was_loaded_is_no_sign_of_a_slow_model() -> None:
    rules = StreamRules(lagging_reported=True)
    late = [window(1, 0.0, 8.0, interim=True)]
    assert rules.shed(8.0, view(8.0, 0.0), [late]).lagging is None
    rules.shed(9.0, view(9.0, 8.5), [[]])
    assert rules.shed(12.0, view(12.0, 8.5), [late]).lagging is not None


def test_only_the_channel_that_is_behind_is_shed() -> None:
    queued = windows(0.0, 10.0)
    shedding = StreamRules().shed(12.0, view(12.0, 11.0, 0.0), [queued, queued])
    assert shedding.channels[0] == ChannelShedding()
    assert shedding.channels[1].drop == {0, 1, 2}


def test_a_fast_stream_drops_nothing_and_is_ended_past_its_limit() -> None:
    """A frame more than the limit is allowed, since the client learns of `processed_s` after it has sent."""
    rules = StreamRules(pace="fast")
    queued = windows(0.0, 66.0)
    for audio_s, exceeded in [(60.0, False), (70.0, False), (70.1, True)]:
        shedding = rules.shed(audio_s, view(audio_s, 0.0), [queued])
        assert shedding.channels == [ChannelShedding()]
        assert bool(shedding.backlog_exceeded) is exceeded
    assert "keep it under 60 s" in rules.shed(71.0, view(71.0, 0.0), [queued]).backlog_exceeded
    rules.resumed()
    assert rules.shed(130.0, view(130.0, 0.0), [queued]).backlog_exceeded == ""
    assert rules.shed(130.1, view(130.1, 0.0), [queued]).backlog_exceeded != ""


def test_words_that_are_still_to_come_count_in_a_fast_streams_backlog() -> None:
    assert StreamRules(pace="fast").shed(80.0, view(80.0, 80.0, processed_s=5.0), [[]]).backlog_exceeded


seconds = st.floats(0, 200, allow_nan=False)


@given(
    audio_s=seconds,
    read_s=seconds,
    waiting_s=st.floats(0, 20),
    now=seconds,
    made=st.lists(st.tuples(seconds, seconds, st.booleans()), max_size=30),
    catching_up=st.booleans(),
)
@example(  # of three windows that waited, two are dropped and one is kept
    audio_s=30.0,
    read_s=0.0,
    waiting_s=0.0,
    now=50.0,
    made=[(0.0, 10.0, False), (5.0, 10.0, False), (25.0, 26.0, False), (2.0, 10.0, True)],
    catching_up=False,
)
def test_what_is_shed_is_always_the_oldest_and_never_within_the_limit(
    audio_s: float,
    read_s: float,
    waiting_s: float,
    now: float,
    made: list[tuple[float, float, bool]],
    catching_up: bool,
) -> None:
    """Whatever is queued: skipped windows are interims, dropped ones are not, and every older window goes as well."""
    rules = StreamRules(catching_up=catching_up)
    seen = view(audio_s, read_s, waiting_s=waiting_s)
    queued = [window(n, own_s, at, interim) for n, (own_s, at, interim) in enumerate(made)]
    [channel] = rules.shed(now, seen, [queued]).channels
    interims = {w.id for w in queued if w.interim}
    speech = [w for w in queued if not w.interim]
    assert channel.skip in (frozenset(), interims)
    assert not channel.drop & interims
    if seen.lag_s < SKIP_LAG_S:
        assert channel == ChannelShedding()
    if not catching_up:
        assert not channel.drop or max(now - w.queued_at for w in speech) > SKIP_LAG_S or seen.lag_s > 80.0
    kept = [w for w in speech if w.id not in channel.drop]
    for dropped in (w for w in speech if w.id in channel.drop):
        assert dropped.own_start / SAMPLE_RATE < seen.captured_s - 10.0
        assert all(dropped.own_start < w.own_start for w in kept)
    if channel.drop:
        assert all(w.own_start / SAMPLE_RATE >= seen.captured_s - 10.0 for w in kept)
        warning = rules.dropped(spans(queued, channel.drop))
        assert warning is not None and warning.start is not None and warning.end is not None
        assert warning.start < warning.end


def test_a_deadline_of_finish_only_comes_nearer() -> None:
    deadline = FinishDeadline()
    assert not deadline.passed(1e9)
    deadline.within(100.0, 10.0)
    assert not deadline.passed(110.0) and deadline.passed(110.1)
    deadline.within(105.0, 1.2)
    assert not deadline.passed(106.2) and deadline.passed(106.3)
    deadline.within(105.0, 60.0)
    assert deadline.passed(106.3)


def test_what_was_not_read_by_the_deadline_is_reported_with_its_span() -> None:
    rules, seen = StreamRules(), view(12.5, 9.25, 12.5)
    warning = rules.left_out(seen.audio_s, seen.channels[0])
    assert warning is not None and (warning.code, warning.start, warning.end) == ("audio_dropped", 9.25, 12.5)
    assert rules.left_out(seen.audio_s, seen.channels[1]) is None


def test_a_status_tells_the_worst_channel_and_acknowledges_what_is_stored() -> None:
    channels = [
        ChannelView(read_s=9.0, transcribed_s=7.0, processed_s=6.5, dropped_s=1.0, level_dbfs=-30.04),
        ChannelView(read_s=8.0, transcribed_s=9.0, processed_s=8.0, dropped_s=0.5, level_dbfs=-20.06),
    ]
    seen = StreamView(audio_s=10.0, channels=channels, waiting_s=0.25)
    worst = status(seen, busy_s=2.5, stored_s=6.0)
    assert (worst.audio_s, worst.processed_s, worst.dropped_s, worst.rtf) == (10.0, 6.0, 1.5, 0.25)
    assert (worst.lag_s.audio, worst.lag_s.text, worst.level_dbfs) == (2.25, 3.0, -20.1)
    assert status(seen, busy_s=2.5).processed_s == 6.5


def test_a_status_of_a_stream_that_has_no_audio_is_all_zero() -> None:
    assert status(StreamView(audio_s=0.0, channels=[]), busy_s=1.0) == Status(
        audio_s=0.0, processed_s=0.0, lag_s=Lag(), dropped_s=0.0, rtf=0.0, level_dbfs=-120.0
    )


@given(st.lists(st.floats(0, 3), max_size=40))
def test_each_second_of_audio_is_counted_once_however_the_audio_is_cut(steps: list[float]) -> None:
    counter, audio_s, counted = SecondCounter(), 0.0, 0
    for step in steps:
        audio_s += step
        counted += counter.passed(audio_s)
        assert counted == math.floor(audio_s)


def test_a_recording_is_read_on_while_neither_voice_nor_words_are_2_s_behind() -> None:
    def recording(read_s: float, transcribed_s: float) -> StreamView:
        return StreamView(
            audio_s=10.0, channels=[ChannelView(read_s=read_s, transcribed_s=transcribed_s, processed_s=0.0)]
        )

    assert may_read_on(recording(8.0, 8.0))
    assert not may_read_on(recording(7.9, 10.0))
    assert not may_read_on(recording(10.0, 7.9))
