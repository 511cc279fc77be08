"""The sans-I/O client against a sans-I/O server: every durable event is delivered exactly once."""

import itertools
import random
from collections.abc import Collection
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st
from reference_server import RATE, ReferenceServer, SessionState

from emoscope.streamer.client.core import ClientCore
from emoscope.streamer.client.reconnect import Stop
from emoscope.streamer.protocol.config import Config
from emoscope.streamer.protocol.events import (
    AnyEvent,
    Durable,
    Limits,
    SessionCreated,
    SessionResumed,
    WarningEvent,
)
from emoscope.streamer.protocol.messages import Flush

ROOMY = Limits(max_backlog_s=40 / RATE, resume_ttl_s=10_000 / RATE)


@dataclass
class World:
    """A client, a server, and a connection between them that can be cut at any message."""

    server: ReferenceServer
    pace: str = "realtime"
    core: ClientCore = field(init=False)
    given: list[AnyEvent] = field(default_factory=list)
    sent: list[bytes | str] = field(default_factory=list)
    code: int | None = None
    online: bool = False
    end: Stop | None = None
    now: float = 0.0

    def __post_init__(self) -> None:
        # With mu-law, a byte is a sample.
        config = Config(sample_rate=RATE, encoding="mulaw", pace=self.pace)  # type: ignore[arg-type]
        self.core = ClientCore(config, random.Random(1).random)
        # These tests are about order, not about options: the reference server has none.
        self.core._changed_options = dict  # type: ignore[method-assign]
        self.core.buffer.apply_limits(self.server.limits, RATE)
        self.core.buffer.ring.capacity = 0
        self.core.buffer.apply_limits(self.server.limits, RATE)
        self.core.buffer.message_size = 5
        self.core.buffer.window = 30

    def send(self, data: bytes) -> None:
        self.core.append(data)
        self.sent.append(data)

    def flush(self) -> None:
        self.core.command(Flush())
        self.sent.append("flush")

    def connect(self) -> None:
        if not self.online and self.end is None:
            self.now += 1.0
            self.core.connection_opened(self.now)
            self.server.connect()
            self.online, self.code = True, None

    def pump(self, count: int) -> None:
        """The client's next messages arrive at the server."""
        for _ in range(count):
            if not self.online or self.code is not None:
                return
            message = self.core.next_message(self.now)
            self.notices()
            if message is None:
                return
            self.code = self.server.receive(message)

    def deliver(self, count: int) -> None:
        """The server's next messages arrive at the client; after the last one, the close code does."""
        while self.online and self.server.outbox and count > 0:
            self.given += self.core.receive(self.server.next_event(), self.now)
            assert self.core.failure is None, self.core.failure
            count -= 1
        if self.online and not self.server.outbox and self.code is not None:
            self.close(self.code)

    def drop(self, back: bool) -> None:
        if self.online:
            self.server.drop(back=back)
            self.close(1006)

    def close(self, code: int) -> None:
        self.online = False
        if code == 4404:
            self.server.drop(back=False)
        decision = self.core.connection_closed(code, "", self.now)
        self.notices()
        if isinstance(decision, Stop):
            assert decision.error is None, decision.error
            self.end = decision

    def notices(self) -> None:
        self.given += self.core.warnings
        self.core.warnings = []

    def finish(self, cuts: Collection[int] = ()) -> None:
        """Run to the end of the session, with a cut after each of the given numbers of rounds."""
        self.core.finish()
        for number in range(20_000):
            if number in cuts:
                self.drop(number % 2 == 0)
            self.connect()
            self.pump(3)
            self.server.store()
            self.deliver(1_000)
            if self.end is not None:
                return
        raise AssertionError("the session did not end")

    @property
    def durable(self) -> list[Durable]:
        return [event for event in self.given if isinstance(event, Durable)]

    def expected(self) -> SessionState:
        state = SessionState()
        for item in self.sent:
            state = state.receive_audio(item) if isinstance(item, bytes) else state.flush()
        return state.finish()


happenings = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.binary(min_size=1, max_size=40)),
        st.tuples(st.just("pump"), st.integers(1, 12)),
        st.tuples(st.just("deliver"), st.integers(1, 12)),
        st.tuples(st.just("drop"), st.booleans()),
        st.tuples(st.sampled_from(["flush", "connect", "store"])),
    ),
    max_size=60,
)


def happen(world: World, what: tuple[object, ...]) -> None:
    name, *arguments = what
    target = world.server if name in ("store", "forget") else world
    getattr(target, str(name))(*arguments)


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


def losses_after(parts: list[list[tuple[object, ...]]]) -> list[WarningEvent]:
    """The warnings of a client whose sessions may expire; its sessions together are those of the whole audio."""
    world = World(ReferenceServer(ROOMY))
    world.connect()
    world.deliver(1)
    for what in [what for part in parts for what in part]:
        happen(world, what)
    world.finish()
    sessions: list[list[Durable]] = []
    losses: list[WarningEvent] = []
    for event in world.given:
        if isinstance(event, SessionCreated):
            assert not sessions or not sessions[-1] or losses  # a session without events is replaced without a warning
            sessions.append([])
        elif isinstance(event, Durable):
            sessions[-1].append(event)
        elif isinstance(event, WarningEvent):
            losses.append(event)
    for events in sessions:
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
    # Each session received a stretch of the audio, and together they received all of it.
    assert all(loss.code == "session_lost" and "no audio was lost" in loss.message for loss in losses)
    origins = [0, *itertools.accumulate(round((loss.end or 0.0) * RATE) for loss in losses)]
    everything = world.expected().audio
    assert everything[origins[-1] :] == world.server.now.audio
    for audio in world.server.forgotten:
        assert any(everything[origin : origin + len(audio)] == audio for origin in origins)
    return losses


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
