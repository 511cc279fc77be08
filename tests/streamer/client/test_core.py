"""The sans-I/O client against a sans-I/O server: every durable event is delivered exactly once."""

from client_world import (
    LOST_BEFORE_WHAT_WAS_REPORTED,
    ROOMY,
    World,
    after,
    assert_each_event_came_once,
    assert_losses_are_reported,
    happenings,
    losses_after,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st
from reference_server import ReferenceServer

from emoscope.streamer.protocol.events import SessionCreated, SessionResumed


@settings(max_examples=200, deadline=None)
@given(happenings, st.sets(st.integers(0, 30)), st.booleans(), st.sampled_from(["realtime", "fast"]))
def test_whatever_happens_each_durable_event_comes_once(
    happened: list[tuple[object, ...]], cuts: set[int], suppresses: bool, pace: str
) -> None:
    """Any order of sends, flushes, arrivals, stores and cuts gives the events of the whole audio, once, in order."""
    assert_each_event_came_once(after(World(ReferenceServer(ROOMY, suppresses=suppresses), pace), happened, cuts))


@settings(max_examples=120, deadline=None)
@given(happenings, st.integers(10, 60))
@example(happened=LOST_BEFORE_WHAT_WAS_REPORTED, capacity=10)
def test_audio_lost_from_the_ring_buffer_is_reported_and_replaced_by_silence(
    happened: list[tuple[object, ...]], capacity: int
) -> None:
    """With a small ring buffer, the server receives all audio; in the reported stretches it may be silence."""
    world = World(ReferenceServer(ROOMY))
    world.core.buffer.ring.capacity = capacity
    world.core.buffer.apply_limits = lambda limits, sample_rate: None  # type: ignore[method-assign]
    assert_losses_are_reported(after(world, [("send", b"x"), ("pump", 1), *happened]), silence=0xFF)


@settings(max_examples=120, deadline=None)
@given(st.lists(st.one_of(happenings, st.just([("drop", False), ("forget",)])), max_size=5))
def test_a_lost_session_is_replaced_and_reported(parts: list[list[tuple[object, ...]]]) -> None:
    """After a session expired, a new one begins where its events ended: `session_lost`, and numbers from 1 again."""
    losses_after(parts)


def test_one_lost_session_gives_one_warning() -> None:
    assert len(losses_after([[("send", b"x" * 20), ("pump", 12), ("deliver", 12), ("drop", False), ("forget",)]])) == 1


def test_session_resumed_is_delivered() -> None:
    """`session.resumed` is among the events; the `session.created` of the discarded session is not."""
    world = World(ReferenceServer(ROOMY))
    world.connect()
    world.pump(1)
    world.deliver(9)
    world.send(b"x" * 20)
    world.pump(9)
    world.drop(False)
    world.finish()
    assert sum(isinstance(event, SessionCreated) for event in world.given) == 1
    assert sum(isinstance(event, SessionResumed) for event in world.given) == 1
