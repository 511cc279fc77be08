"""Over a faulty network the client receives exactly the durable events of a replay, each once and in order."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sent_speech import REPLAYED, WHOLE, durable
from served import served
from waiting import wait_until

from emoscope.streamer import Config
from emoscope.streamer.client import SyncClient, connection
from emoscope.streamer.protocol.events import (
    AnyEvent,
    Limits,
    SessionCreated,
    SessionResumed,
    Status,
    WarningEvent,
)
from emoscope.streamer.testing import differences
from emoscope.streamer.testing.tcp_proxy import Ending, Faults, TcpProxy, proxied

pytestmark = pytest.mark.usefixtures("short_timeouts")

FAST = Config(pace="fast")


def assert_nothing_lost(events: list[AnyEvent]) -> None:
    came = durable(events)
    assert [event.seq for event in came] == list(range(1, len(REPLAYED) + 1))
    assert differences(came, REPLAYED) == []
    assert not [event for event in events if isinstance(event, WarningEvent) and event.code == "audio_dropped"]
    assert sum(isinstance(event, SessionCreated) for event in events) == 1


def resumes(events: list[AnyEvent]) -> int:
    return sum(isinstance(event, SessionResumed) for event in events)


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


def test_a_server_that_hears_nothing_any_more_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its idle timeout comes before the client has noticed that its way up is dead: the utterance goes on."""
    monkeypatch.setattr(connection, "ANSWER_TIMEOUT_S", 600.0)
    half = len(WHOLE) // 2
    limits = Limits(idle_timeout_s=2.0)
    with served(limits=limits) as server, proxied(server.port) as proxy, SyncClient(proxy.url, FAST) as speaker:
        speaker.send(WHOLE[:half])
        events = []
        for event in speaker:
            events.append(event)
            arrived = [one for one in events if isinstance(one, Status) and one.audio_s == half / 16_000]
            if len(arrived) == 4 and proxy.deaf_before == 0:  # keepalives were answered, too
                proxy.deafen()
                speaker.send(WHOLE[half:])
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
                    # A session of which the server has no audio yet is not kept: another one begins in its place.
                    wait_until(lambda: speaker.processed_s > 0)
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
