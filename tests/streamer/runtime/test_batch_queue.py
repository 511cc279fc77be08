"""The queue of windows and readings on a virtual clock: turns, batches, and how long a window waits for others."""

from collections.abc import Hashable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoscope.models.windows import grid_window
from emoscope.streamer.runtime.rules.batches import BatchQueue
from emoscope.streamer.session.requests import Encode, Read
from emoscope.streamer.testing import CONTRACT

AUDIO = np.zeros(CONTRACT.lookback + CONTRACT.window, np.float32)


def encode(number: int) -> Encode:
    return Encode(number, grid_window(CONTRACT, 0, number), AUDIO)


def read(number: int) -> Read:
    return Read(number, None, 1.0)  # type: ignore[arg-type]


def taken(queue: BatchQueue, now: float) -> list[tuple[Hashable, int]]:
    return [(queued.owner, queued.request.id) for queued in queue.take(now)]


def busy_queue(now: float) -> BatchQueue:
    """A queue at which sixty windows a second have arrived until `now`, all of them taken."""
    queue = BatchQueue(batch=16, gather_s=0.04)
    for place in range(120):
        queue.submit(now - 2.0 + place / 60, "others", [encode(place)])
        queue.take(now)
    while queue.take(now + 1.0):
        pass
    return queue


def test_a_single_stream_never_waits_for_others() -> None:
    queue = BatchQueue()
    queue.submit(10.0, "a", [encode(1)])
    assert queue.wait_s(10.0) == 0.0
    assert taken(queue, 10.0) == [("a", 1)]


def test_while_many_arrive_a_window_waits_for_others_but_no_longer_than_it_may() -> None:
    queue = busy_queue(10.0)
    queue.submit(10.0, "a", [encode(1)])
    assert queue.wait_s(10.0) == pytest.approx(0.04)
    assert taken(queue, 10.01) == []
    queue.submit(10.01, "b", [encode(2)])
    assert queue.wait_s(10.02) == pytest.approx(0.02)
    assert queue.wait_s(10.05) == 0.0
    assert taken(queue, 10.05) == [("a", 1), ("b", 2)]


def test_a_full_batch_leaves_at_once() -> None:
    queue = busy_queue(10.0)
    for owner in range(16):
        queue.submit(10.0, owner, [encode(1)])
    assert queue.wait_s(10.0) == 0.0
    assert len(queue.take(10.0)) == 16


def test_readings_leave_at_once_and_windows_wait_on() -> None:
    queue = busy_queue(10.0)
    queue.submit(10.0, "a", [encode(1)])
    queue.submit(10.0, "b", [read(7)])
    assert queue.wait_s(10.0) == 0.0
    assert taken(queue, 10.0) == [("b", 7)]
    assert taken(queue, 10.05) == [("a", 1)]


def many_readings(queue: BatchQueue, now: float) -> None:
    """Five hundred readings a second have come until `now`, all of them taken."""
    for place in range(1_000):
        queue.submit(now - 2.0 + place / 500, "others", [read(place)])
        queue.take(now)


def test_while_many_readings_come_one_waits_for_others_for_a_quarter_of_the_time_of_a_window() -> None:
    queue = BatchQueue(batch=16, gather_s=0.04)
    many_readings(queue, 10.0)
    queue.submit(10.0, "a", [read(1)])
    assert queue.wait_s(10.0) == pytest.approx(0.01)
    queue.submit(10.006, "b", [read(2)])
    assert queue.wait_s(10.006) == pytest.approx(0.004)
    assert queue.wait_s(10.011) == 0.0
    assert taken(queue, 10.011) == [("a", 1), ("b", 2)]


def test_a_reading_does_not_wait_as_long_as_the_windows_beside_it_and_leaves_with_a_full_batch() -> None:
    queue = busy_queue(10.0)
    many_readings(queue, 10.0)
    queue.submit(10.0, "a", [encode(1)])
    queue.submit(10.0, "a", [read(1)])
    assert queue.wait_s(10.0) == pytest.approx(0.01)
    for owner in range(16):
        queue.submit(10.0, owner, [encode(1)])
    assert queue.wait_s(10.0) == 0.0


def test_readings_of_a_few_streams_never_wait() -> None:
    queue = BatchQueue()
    for place in range(200):
        queue.submit(place / 100, "a", [read(place)])
        assert queue.wait_s(place / 100) == 0.0
        queue.take(place / 100)


def test_without_gathering_nothing_waits() -> None:
    queue = BatchQueue(gather_s=0.0)
    many_readings(queue, 10.0)
    queue.submit(10.0, "a", [read(1)])
    assert queue.wait_s(10.0) == 0.0


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.booleans()), max_size=40),
    st.integers(1, 8),
    st.lists(st.integers(0, 39), max_size=10),
)
def test_everything_leaves_once_in_its_owners_order_unless_it_was_cancelled(
    asked: list[tuple[str, bool]], batch: int, cancelled: list[int]
) -> None:
    queue = BatchQueue(batch=batch)
    for number, (owner, window) in enumerate(asked):
        queue.submit(0.0, owner, [encode(number) if window else read(number)])
    gone = {(owner, request.id) for owner in "abcd" for request in queue.cancel(owner, set(cancelled))}
    assert gone == {(owner, n) for n, (owner, window) in enumerate(asked) if window and n in cancelled}
    left: list[tuple[Hashable, int]] = []
    while len(queue):
        left += taken(queue, 1.0)
    assert len(left) + len(gone) == len(asked)
    for owner in "abcd":
        for kind in (True, False):
            own = [n for o, n in left if o == owner and asked[n][1] is kind]
            assert own == sorted(own)


@given(st.lists(st.integers(1, 6), min_size=1, max_size=6))
def test_owners_take_turns(counts: list[int]) -> None:
    """No owner gets a second window before every owner that has one queued got a first."""
    queue = BatchQueue(batch=100, gather_s=0.0)
    for owner, count in enumerate(counts):
        queue.submit(0.0, owner, [encode(n) for n in range(count)])
    turns = [number for _, number in taken(queue, 0.0)]
    assert turns == sorted(turns)
