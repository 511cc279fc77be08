"""The sans-I/O client against a sans-I/O server: every durable event is delivered exactly once."""

from client_world import ROOMY, World, happen, happenings, losses_after
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_server import RATE, ReferenceServer

from emoscope.streamer.protocol.events import SessionCreated, SessionResumed, WarningEvent


@settings(max_examples=200, deadline=None)
@given(happenings, st.sets(st.integers(0, 30)), st.booleans(), st.sampled_from(["realtime", "fast"]))
def test_whatever_happens_each_durable_event_comes_once(
    happened: list[tuple[object, ...]], cuts: set[int], suppresses: bool, pace: str
) -> None:
    """Any order of sends, flushes, arrivals, stores and cuts gives the events of the whole audio, once, in order."""
    world = World(ReferenceServer(ROOMY, suppresses=suppresses), pace)
    world.connect()
    world.deliver(1)
    for what in happened:
        happen(world, what)
    world.finish(cuts)
    expected = world.expected()
    assert world.server.now.audio == expected.audio
    assert world.durable == list(expected.events)
    assert not [event for event in world.given if isinstance(event, WarningEvent)]


@settings(max_examples=120, deadline=None)
@given(happenings, st.integers(10, 60))
def test_audio_lost_from_the_ring_buffer_is_reported_and_replaced_by_silence(
    happened: list[tuple[object, ...]], capacity: int
) -> None:
    """With a small ring buffer, the server receives all audio; in the reported stretches it may be silence."""
    world = World(ReferenceServer(ROOMY))
    world.core.buffer.ring.capacity = capacity
    world.core.buffer.apply_limits = lambda limits, sample_rate: None  # type: ignore[method-assign]
    world.connect()
    world.deliver(1)
    world.send(b"x")
    world.pump(1)
    for what in happened:
        happen(world, what)
    world.finish()
    sent, received = world.expected().audio, world.server.now.audio
    reported: set[int] = set()
    for event in world.given:
        if isinstance(event, WarningEvent):
            assert event.code == "audio_dropped" and event.start is not None and event.end is not None
            reported |= set(range(round(event.start * RATE), round(event.end * RATE)))
    assert len(received) == len(sent)
    assert all(
        got == was or (got == 0xFF and at in reported) for at, (got, was) in enumerate(zip(received, sent, strict=True))
    )
    seqs = [event.seq for event in world.durable]
    assert seqs == list(range(1, len(seqs) + 1))


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
