"""Through a bad network the client gets exactly the durable events of a replay: each once, in order."""

import time
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from served import served
from tcp_proxy import Ending, Faults, TcpProxy, proxied
from websockets.sync.client import connect as connect_websocket
from websockets.typing import Subprotocol

from emoscope.streamer import Config, Session
from emoscope.streamer.client import Disconnected, SyncClient, UnreachableServer, client, connect, connection, core
from emoscope.streamer.protocol.events import (
    AnyEvent,
    Durable,
    Limits,
    SessionCreated,
    SessionResumed,
    Status,
    WarningEvent,
)
from emoscope.streamer.protocol.messages import SessionResume, encode_client
from emoscope.streamer.testing import CONTRACT, FakeEngine, differences, run, silence, voice

AUDIO = np.concatenate([silence(0.6), voice(2.5), silence(1.0), voice(1.2, 200.0, seed=1), silence(1.0)])
WHOLE = (AUDIO * 32_768).astype(np.int16)
FAST = Config(pace="fast")


def durable(events: list[AnyEvent]) -> list[Durable]:
    return [event for event in events if isinstance(event, Durable)]


REPLAYED = durable(run(Session(CONTRACT, Config()), FakeEngine(), [WHOLE]))


def assert_nothing_lost(events: list[AnyEvent]) -> None:
    came = durable(events)
    assert [event.seq for event in came] == list(range(1, len(REPLAYED) + 1))
    assert differences(came, REPLAYED) == []
    assert not [event for event in events if isinstance(event, WarningEvent) and event.code == "audio_dropped"]
    assert sum(isinstance(event, SessionCreated) for event in events) == 1


def resumes(events: list[AnyEvent]) -> int:
    return sum(isinstance(event, SessionResumed) for event in events)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that notices a dead connection sooner than a person would want it to."""
    monkeypatch.setattr(core, "KEEPALIVE_INTERVAL_S", 0.3)
    monkeypatch.setattr(connection, "ANSWER_TIMEOUT_S", 2.0)
    monkeypatch.setattr(client, "WATCHDOG_INTERVAL_S", 0.2)
    monkeypatch.setattr(connect, "PING_INTERVAL_S", 0.5)
    monkeypatch.setattr(connect, "PONG_TIMEOUT_S", 2.0)


CUTS = {
    "reset while audio goes up": [Faults(up_after=60_001)],
    "an end in the middle of a frame": [Faults(up_after=80_013, ending="close")],
    "reset while events come down": [Faults(down_after=4_000)],
    "an event is cut in two": [Faults(down_after=5_555, ending="close")],
    "the way up ends and the way down stays": [Faults(up_after=50_000, ending="half")],
    "the way down ends and the way up stays": [Faults(down_after=4_500, ending="half")],
    "again and again": [Faults(up_after=30_000 + 7_001 * n) for n in range(4)],
    "late, and then cut": [Faults(delay_s=0.02, jitter_s=0.02, down_after=3_000, ending="close")],
    "a slow reader": [Faults(rate=4_000)],
    "cut while the resumed session is greeted": [
        Faults(up_after=60_000),
        Faults(down_after=500),
        Faults(down_after=2_500),
    ],
}


@pytest.mark.parametrize("faults", CUTS.values(), ids=CUTS.keys())
def test_a_cut_loses_nothing(faults: list[Faults], impatient: None) -> None:
    """Wherever the connection breaks, in whichever way, the events are those of a replay."""
    with served() as server, proxied(server.port, faults) as proxy, SyncClient(proxy.url, FAST) as speaker:
        events = list(speaker.stream(np.array_split(WHOLE, 40)))
    assert_nothing_lost(events)
    cut = [fault for fault in faults if fault.up_after or fault.down_after]
    assert proxy.connections >= len(cut) + 1  # a starved machine may look like one more dead connection
    if cut:
        assert resumes(events) >= 1


@pytest.mark.parametrize("way", ["up", "down"])
def test_a_black_hole_is_noticed(way: str, impatient: None) -> None:
    """A connection that stays open and lets nothing through is given up, and the session goes on over another."""
    after = {"up": {"up_after": 60_000}, "down": {"down_after": 4_000}}[way]
    faults = [Faults(ending="black hole", **after)]  # type: ignore[arg-type]
    with served() as server, proxied(server.port, faults) as proxy, SyncClient(proxy.url, FAST) as speaker:
        events = list(speaker.stream(np.array_split(WHOLE, 40)))
    assert_nothing_lost(events)
    assert resumes(events) >= 1


def test_a_finish_that_was_swallowed_is_said_again(impatient: None) -> None:
    """The server has all audio and goes on to speak, but never heard that it was the end: that is noticed too."""
    with served() as server, proxied(server.port) as proxy, SyncClient(proxy.url, FAST) as speaker:
        speaker.send(WHOLE)
        events = []
        for event in speaker:
            events.append(event)
            if isinstance(event, Status) and event.audio_s == len(WHOLE) / 16_000 and proxy.deaf_before == 0:
                proxy.deafen()
                speaker.finish()
    assert_nothing_lost(events)
    assert resumes(events) == 1


def test_a_microphone_goes_on_through_an_outage() -> None:
    """At the pace of life, audio is taken on while there is no network for two seconds, and nothing is lost."""
    taken_s: list[float] = []
    with served() as server, proxied(server.port) as proxy, SyncClient(proxy.url) as speaker:

        def blocks() -> Iterator[np.ndarray]:
            for number, block in enumerate(np.array_split(WHOLE, 63)):
                if number == 20:
                    proxy.refusing = True
                    proxy.cut()
                if number == 40:
                    proxy.refusing = False
                yield block
                if not speaker.connected:
                    taken_s.append(speaker.audio_s)
                time.sleep(0.1)

        events = list(speaker.stream(blocks()))
    assert_nothing_lost(events)
    assert resumes(events) == 1
    assert taken_s[-1] - taken_s[0] > 1.0


def test_after_finish_the_last_events_still_come() -> None:
    """A cut between `finish` and `session.closed` loses neither the finals nor the end."""
    with (
        served() as server,
        proxied(server.port, [Faults(delay_s=0.05)]) as proxy,
        SyncClient(proxy.url, FAST) as speaker,
    ):
        speaker.send(WHOLE)
        events = []
        for event in speaker:
            events.append(event)
            if event.type == "emotion.final" and proxy.connections == 1:
                speaker.finish()
                proxy.cut()
    assert_nothing_lost(events)
    assert resumes(events) == 1


def test_a_server_that_forgot_is_told_and_another_session_hears_the_rest() -> None:
    """Another server without the session: `session_lost`, then a new session with all audio that had no answer."""
    with served() as first, proxied(first.port) as proxy, SyncClient(proxy.url) as speaker:
        speaker.send(WHOLE[:70_000])  # to the middle of the second utterance
        until = time.monotonic() + 20
        events: list[AnyEvent] = []
        while sum(event.type == "speech.started" for event in events) < 2:
            assert time.monotonic() < until
            events += speaker.poll()
            time.sleep(0.05)
        with served() as second:
            proxy.target = second.port
            proxy.cut()
            speaker.send(WHOLE[70_000:])
            speaker.finish()
            events += list(speaker)
    lost = next(event for event in events if isinstance(event, WarningEvent) and event.code == "session_lost")
    assert "no audio was lost" in lost.message
    assert lost.end is not None
    greetings = [place for place, event in enumerate(events) if isinstance(event, SessionCreated)]
    assert len(greetings) == 2
    # The first utterance has its final from the first server, the second from the other: whole, and once.
    assert [event.type for event in events].count("emotion.final") == 2
    finals = [event for event in events if event.type == "emotion.final"]
    spans = [(event.start, event.end) for event in finals]  # type: ignore[union-attr]
    here = [(event.start, event.end) for event in REPLAYED if event.type == "emotion.final"]  # type: ignore[attr-defined]
    assert spans[0] == here[0]
    assert spans[1][0] + lost.end == pytest.approx(here[1][0], abs=0.05)
    assert spans[1][1] + lost.end == pytest.approx(here[1][1], abs=0.05)


def test_a_session_that_waited_too_long_is_replaced() -> None:
    """Past `resume_ttl_s` the server says 4404, and the client opens a new session by itself."""
    limits = Limits(resume_ttl_s=0.2)
    with served(limits=limits) as server, proxied(server.port) as proxy, SyncClient(proxy.url) as speaker:
        speaker.send(WHOLE[:40_000])
        time.sleep(1.0)
        proxy.refusing = True
        proxy.cut()
        time.sleep(2.5)
        proxy.refusing = False
        speaker.send(WHOLE[40_000:])
        speaker.finish()
        events = list(speaker)
    assert sum(isinstance(event, WarningEvent) and event.code == "session_lost" for event in events) == 1
    assert sum(isinstance(event, SessionCreated) for event in events) == 2
    assert events[-1].type == "session.closed"


def test_a_server_that_never_comes_back_is_an_error() -> None:
    """After `reconnect_timeout_s` without a connection the client stops and says why; what had come is given first."""
    with served() as server, proxied(server.port) as proxy, SyncClient(proxy.url, reconnect_timeout_s=1.0) as speaker:
        speaker.send(WHOLE)
        time.sleep(0.5)
        proxy.refusing = True
        proxy.cut()
        seen: list[AnyEvent] = []
        with pytest.raises((UnreachableServer, Disconnected)):
            seen.extend(speaker)
    assert seen[0].type == "session.created"


def test_a_session_taken_over_stops_the_older_client() -> None:
    """4409 is not retried: two clients would take the session from each other for ever."""
    with served() as server, SyncClient(server.url) as older:
        older.send(WHOLE[:16_000])
        time.sleep(0.5)
        stolen = older.session
        assert stolen is not None and stolen.resume_token is not None
        with connect_websocket(server.url, subprotocols=[Subprotocol("emoscope.v1")]) as thief:
            mine = SessionResume(session_id=stolen.session_id, resume_token=stolen.resume_token)
            thief.send(encode_client(mine))
            with pytest.raises(Disconnected, match="took this session over") as stopped:
                list(older)
    assert stopped.value.code == 4409


endings = st.sampled_from(["reset", "close", "half"])


@st.composite
def networks(draw: st.DrawFn) -> list[Faults]:
    """Up to four connections, each of which ends somewhere."""
    faults = []
    for _ in range(draw(st.integers(0, 4))):
        ending: Ending = draw(endings)
        if draw(st.booleans()):
            faults.append(Faults(up_after=draw(st.integers(1, 220_000)), ending=ending))
        else:
            faults.append(
                Faults(
                    down_after=draw(st.integers(1, 6_000)), ending=ending, delay_s=draw(st.sampled_from([0.0, 0.005]))
                )
            )
    return faults


@settings(max_examples=8, deadline=None)
@given(networks())
def test_any_few_faults_lose_nothing(faults: list[Faults]) -> None:
    """Faults anywhere after the first greeting; a network that never lets a session begin is an error instead."""
    faults = [Faults(), *faults]
    with served() as server:
        proxy = TcpProxy(server.port, faults)
        try:
            with SyncClient(proxy.url, FAST) as speaker:
                speaker.send(WHOLE[:20_000])
                proxy.cut()
                events = list(speaker.stream(np.array_split(WHOLE[20_000:], 20)))
        finally:
            proxy.close()
    if sum(isinstance(event, SessionCreated) for event in events) == 1:
        assert_nothing_lost(events)
    else:  # the first cut came before the server had heard anything: another session heard it all
        came = durable(events)
        assert differences(came, REPLAYED) == []
