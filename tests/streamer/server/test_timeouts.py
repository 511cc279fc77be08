"""The timeouts of a connection, its rate limit and its unacknowledged events, without sockets and without a clock."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoscope.streamer.protocol.errors import InvalidJson
from emoscope.streamer.server.rate_limiter import BURST_S, RateLimiter
from emoscope.streamer.server.timeouts import ConnectionTimeouts
from emoscope.streamer.server.unacknowledged import MAX_EVENTS, UnacknowledgedEvents


def test_a_status_is_due_once_a_second_and_missed_seconds_are_not_made_up_for() -> None:
    timeouts = ConnectionTimeouts(received_at=100.0, idle_timeout_s=60.0)
    due = [tenth / 10 for tenth in range(1_000, 1_051) if timeouts.status_due(tenth / 10)]
    assert due == [101.0, 102.0, 103.0, 104.0, 105.0]
    assert timeouts.status_due(200.0) and not timeouts.status_due(200.4) and timeouts.status_due(200.5)


def test_a_client_is_idle_when_nothing_came_for_longer_than_the_timeout() -> None:
    timeouts = ConnectionTimeouts(received_at=0.0, idle_timeout_s=60.0)
    assert not timeouts.is_idle(60.0) and timeouts.is_idle(60.1)
    timeouts.received_at = 50.0
    assert not timeouts.is_idle(110.0) and timeouts.is_idle(110.1)


def test_the_deadline_of_finish_passes_once_and_only_comes_nearer() -> None:
    timeouts = ConnectionTimeouts(received_at=0.0, idle_timeout_s=60.0)
    assert not timeouts.finish_passed(1e9)
    timeouts.finish_within(10.0, 5.0)
    timeouts.finish_within(11.0, 100.0)
    assert [timeouts.finish_passed(now) for now in (14.9, 15.1, 15.2)] == [False, True, False]


@given(st.floats(0.5, 100.0), st.lists(st.floats(0.0, 0.2), max_size=300))
def test_no_more_messages_are_read_than_the_burst_and_the_rate_allow(rate: float, gaps: list[float]) -> None:
    limiter, now, allowed = RateLimiter(rate, 0.0), 0.0, 0
    for gap in gaps:
        now += gap
        allowed += limiter.allow(now)
        assert allowed <= rate * (BURST_S + now) + 1e-6


def test_a_refusal_is_reported_once_in_a_row() -> None:
    limiter = RateLimiter(1.0, 0.0)
    assert [limiter.allow(0.0) for _ in range(4)] == [True, True, True, False]
    assert [limiter.should_report() for _ in range(3)] == [True, False, False]
    assert limiter.allow(5.0) and limiter.should_report()


def test_events_are_kept_until_they_are_acknowledged_and_sent_again_after_a_resume() -> None:
    events = UnacknowledgedEvents()
    events.open(2)
    for seq in (1, 2, 3):
        assert events.add(0, seq, b"a%d" % seq)
    assert events.add(1, 1, b"b1")
    events.acknowledge([2, 0])
    assert list(events.entries) == [(0, 3, b"a3"), (1, 1, b"b1")]
    assert events.resume([2, 1]) == [b"a3"]
    assert not events.add(1, 1, b"b1") and not events.incomplete


def test_numbers_that_are_not_one_a_channel_are_refused() -> None:
    events = UnacknowledgedEvents()
    events.open(2)
    for last_seq in (1, [1], [1, 2, 3]):
        with pytest.raises(InvalidJson, match="last_seq"):
            events.acknowledge(last_seq)
    events.acknowledge(0)  # nothing has arrived, on any channel


def test_a_client_that_misses_discarded_events_is_noticed() -> None:
    events = UnacknowledgedEvents()
    events.open(1)
    for seq in range(1, MAX_EVENTS + 11):
        events.add(0, seq, b"")
    assert len(events.entries) == MAX_EVENTS and events.lost
    events.resume(5)
    assert events.incomplete
    events.resume(10)
    assert not events.incomplete
