"""Over a faulty network the client receives exactly the durable events of a replay, each once and in order."""

import json
from collections.abc import Iterator
from urllib.request import urlopen

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from served import served
from tcp_proxy import Ending, Faults, TcpProxy, proxied
from waiting import wait_until
from websockets.sync.client import connect as connect_websocket
from websockets.typing import Subprotocol

from emoscope.streamer import Config, Session
from emoscope.streamer.client import (
    Disconnected,
    SyncClient,
    UnreachableServer,
    backoff,
    client,
    connect,
    connection,
    core,
)
from emoscope.streamer.protocol.events import (
    AnyEvent,
    Durable,
    EmotionFinal,
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


@pytest.fixture(scope="module", autouse=True)
def _short_timeouts() -> Iterator[None]:
    """Dead connections are noticed within seconds, and reconnecting does not wait.

    A starved machine may then look like one more dead connection. That costs a reconnect, and no test counts those.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backoff, "INITIAL_DELAY_S", 0.02)
        patch.setattr(core, "KEEPALIVE_INTERVAL_S", 0.3)
        patch.setattr(connection, "ANSWER_TIMEOUT_S", 2.0)
        patch.setattr(client, "WATCHDOG_INTERVAL_S", 0.2)
        patch.setattr(connect, "PING_INTERVAL_S", 0.5)
        patch.setattr(connect, "PONG_TIMEOUT_S", 2.0)
        yield


def open_sessions(port: int) -> int:
    """Number of sockets that the server has open, by its own account."""
    with urlopen(f"http://127.0.0.1:{port}/readyz") as answer:
        count: int = json.load(answer)["sessions"]
        return count


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
def test_a_cut_loses_nothing(faults: list[Faults]) -> None:
    """Wherever and however the connection breaks, the events are those of a replay."""
    with served() as server, proxied(server.port, faults) as proxy, SyncClient(proxy.url, FAST) as speaker:
        events = list(speaker.stream(np.array_split(WHOLE, 40)))
    assert_nothing_lost(events)
    cut = [fault for fault in faults if fault.up_after or fault.down_after]
    assert proxy.connections >= len(cut) + 1  # a starved machine may look like one more dead connection
    if cut:
        assert resumes(events) >= 1


@pytest.mark.parametrize("way", ["up", "down"])
def test_a_dead_connection_is_noticed(way: str) -> None:
    """A connection that stays open but transfers nothing is closed, and the session continues on another one."""
    after = {"up": {"up_after": 60_000}, "down": {"down_after": 4_000}}[way]
    faults = [Faults(ending="black hole", **after)]
    with served() as server, proxied(server.port, faults) as proxy, SyncClient(proxy.url, FAST) as speaker:
        events = list(speaker.stream(np.array_split(WHOLE, 40)))
    assert_nothing_lost(events)
    assert resumes(events) >= 1


def test_a_lost_finish_is_sent_again() -> None:
    """The server has all audio and still sends events, but `finish` never arrived: the client reconnects."""
    with served() as server, proxied(server.port) as proxy, SyncClient(proxy.url, FAST) as speaker:
        speaker.send(WHOLE)
        events = []
        for event in speaker:
            events.append(event)
            if isinstance(event, Status) and event.audio_s == len(WHOLE) / 16_000 and proxy.deaf_before == 0:
                proxy.deafen()
                speaker.finish()
    assert_nothing_lost(events)
    assert resumes(events) >= 1


def test_a_microphone_continues_through_an_outage() -> None:
    """Audio is accepted while there is no network, without waiting for it, and nothing is lost."""
    accepted_s: list[float] = []
    with served() as server, proxied(server.port) as proxy, SyncClient(proxy.url) as speaker:

        def blocks() -> Iterator[np.ndarray]:
            for number, block in enumerate(np.array_split(WHOLE, 63)):
                if number == 20:
                    proxy.refusing = True
                    proxy.cut()
                    wait_until(lambda: not speaker.connected)
                if number == 40:
                    proxy.refusing = False
                yield block
                if proxy.refusing:
                    accepted_s.append(speaker.audio_s)

        events = list(speaker.stream(blocks()))
    assert_nothing_lost(events)
    assert resumes(events) >= 1
    assert accepted_s[-1] - accepted_s[0] > 1.0


def test_events_after_finish_survive_a_cut() -> None:
    """A cut after `finish` and before `session.closed` loses neither the finals nor the end."""
    with (
        served() as server,
        proxied(server.port) as proxy,
        SyncClient(proxy.url, FAST) as speaker,
    ):
        speaker.send(WHOLE)
        events = []
        for event in speaker:
            events.append(event)
            if event.type == "emotion.final" and proxy.connections == 1:
                proxy.downlink.clear()  # `session.closed` cannot arrive before the cut
                speaker.finish()
                proxy.cut()
                proxy.downlink.set()
    assert_nothing_lost(events)
    assert resumes(events) >= 1


def test_a_lost_session_is_reported_and_a_new_one_gets_the_rest() -> None:
    """Another server without the session: `session_lost`, then a new session with all audio without final events."""
    with served() as first, proxied(first.port) as proxy, SyncClient(proxy.url) as speaker:
        speaker.send(WHOLE[:70_000])  # to the middle of the second utterance
        events: list[AnyEvent] = []

        def second_utterance() -> bool:
            events.extend(speaker.poll())
            return sum(event.type == "speech.started" for event in events) == 2

        wait_until(second_utterance)
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
    spans = [(event.start, event.end) for event in finals]
    here = [(event.start, event.end) for event in REPLAYED if isinstance(event, EmotionFinal)]
    assert spans[0] == here[0]
    assert spans[1][0] + lost.end == pytest.approx(here[1][0], abs=0.05)
    assert spans[1][1] + lost.end == pytest.approx(here[1][1], abs=0.05)


def test_an_expired_session_is_replaced() -> None:
    """Past `resume_ttl_s` the server answers 4404, and the client opens a new session by itself."""
    limits = Limits(resume_ttl_s=0.001)
    with served(limits=limits) as server, proxied(server.port) as proxy, SyncClient(proxy.url) as speaker:
        speaker.send(WHOLE[:40_000])
        wait_until(lambda: speaker.processed_s > 0)
        proxy.refusing = True
        proxy.cut()
        wait_until(lambda: open_sessions(server.port) == 0)
        proxy.refusing = False
        speaker.send(WHOLE[40_000:])
        speaker.finish()
        events = list(speaker)
    assert sum(isinstance(event, WarningEvent) and event.code == "session_lost" for event in events) == 1
    assert sum(isinstance(event, SessionCreated) for event in events) == 2
    assert events[-1].type == "session.closed"


def test_a_server_that_never_comes_back_is_an_error() -> None:
    """After `reconnect_timeout_s` without a connection the client stops with an error, after all received events."""
    with served() as server, proxied(server.port) as proxy, SyncClient(proxy.url, reconnect_timeout_s=0.2) as speaker:
        speaker.send(WHOLE)
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
        wait_until(lambda: older.processed_s > 0)
        stolen = older.session
        assert stolen is not None and stolen.resume_token is not None
        with connect_websocket(server.url, subprotocols=[Subprotocol("emoscope.v1")]) as thief:
            resume = SessionResume(session_id=stolen.session_id, resume_token=stolen.resume_token)
            thief.send(encode_client(resume))
            with pytest.raises(Disconnected, match="took this session over") as stopped:
                list(older)
    assert stopped.value.code == 4409


endings: st.SearchStrategy[Ending] = st.sampled_from(["reset", "close", "half"])


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
    """Faults anywhere after the first `session.created` lose no event."""
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
    else:  # the first cut came before the server received audio: a new session received all of it
        came = durable(events)
        assert differences(came, REPLAYED) == []
