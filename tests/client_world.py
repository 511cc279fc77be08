"""A client's core, the reference server and a connection that can be cut, without sockets: for tests of any client."""

import itertools
import random
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

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
    WarningEvent,
)
from emoscope.streamer.protocol.messages import Flush

MESSAGE_SIZE = 5
ROOMY = Limits(max_backlog_s=40 / RATE, resume_ttl_s=10_000 / RATE)


def python_core(pace: str, limits: Limits) -> ClientCore:
    """The core of the Python client, with small messages."""
    # With mu-law, a byte is a sample.
    core = ClientCore(
        Config(sample_rate=RATE, encoding="mulaw", pace=pace),  # type: ignore[arg-type]
        random.Random(1).random,
    )
    # These tests are about order, not about options: the reference server has none.
    core._changed_options = dict  # type: ignore[method-assign]
    core.buffer.apply_limits(limits, RATE)
    core.buffer.ring.capacity = 0
    core.buffer.apply_limits(limits, RATE)
    core.buffer.message_size = MESSAGE_SIZE
    core.buffer.window = 30
    return core


@dataclass
class World:
    """A client, a server, and a connection between them that can be cut at any message.

    make  the client's core, of a pace and the server's limits
    """

    server: ReferenceServer
    pace: str = "realtime"
    make: Callable[[str, Limits], Any] = python_core
    core: Any = field(init=False)
    given: list[AnyEvent] = field(default_factory=list)
    sent: list[bytes | str] = field(default_factory=list)
    code: int | None = None
    online: bool = False
    end: Stop | None = None
    now: float = 0.0

    def __post_init__(self) -> None:
        self.core = self.make(self.pace, self.server.limits)

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


def after(world: World, happened: Iterable[tuple[object, ...]], cuts: Collection[int] = ()) -> World:
    """The world at the end of its session, in which all this happened once the session was open."""
    world.connect()
    world.deliver(1)
    for what in happened:
        happen(world, what)
    world.finish(cuts)
    return world


def assert_each_event_came_once(world: World) -> None:
    """The server heard the whole audio, and the client got its events once, in order, without a warning."""
    expected = world.expected()
    assert world.server.now.audio == expected.audio
    assert world.durable == list(expected.events)
    assert not [event for event in world.given if isinstance(event, WarningEvent)]


def assert_losses_are_reported(world: World, silence: int) -> None:
    """The server heard as much as was sent; what is not what was sent is `silence`, and a warning says where."""
    reported: set[int] = set()
    for event in world.given:
        if isinstance(event, WarningEvent):
            assert event.code == "audio_dropped" and event.start is not None and event.end is not None
            reported |= set(range(round(event.start * RATE), round(event.end * RATE)))
    sent, received = world.expected().audio, world.server.now.audio
    assert len(received) == len(sent)
    pairs = enumerate(zip(received, sent, strict=True))
    assert all(got == was or (got == silence and at in reported) for at, (got, was) in pairs)
    seqs = [event.seq for event in world.durable]
    assert seqs == list(range(1, len(seqs) + 1))


# The server goes back to the beginning after the loss of what followed was reported.
LOST_BEFORE_WHAT_WAS_REPORTED = [("send", b"yyyyyyyyyyy"), ("pump", 1), ("drop", True)]

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


def losses_after(
    parts: list[list[tuple[object, ...]]], make: Callable[[str, Limits], Any] = python_core
) -> list[WarningEvent]:
    """The warnings of a client whose sessions may expire; its sessions together are those of the whole audio."""
    world = after(World(ReferenceServer(ROOMY), make=make), [what for part in parts for what in part])
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
