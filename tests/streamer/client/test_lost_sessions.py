"""A session that its server has lost, given to another client, or never serves again."""

import json
from urllib.request import urlopen

import pytest
from sent_speech import REPLAYED, WHOLE
from served import served
from waiting import wait_until
from websockets.sync.client import connect as connect_websocket
from websockets.typing import Subprotocol

from emoscope.streamer.client import (
    Disconnected,
    SyncClient,
    UnreachableServer,
)
from emoscope.streamer.protocol.events import (
    AnyEvent,
    EmotionFinal,
    Limits,
    SessionCreated,
    WarningEvent,
)
from emoscope.streamer.protocol.messages import SessionResume, encode_client
from emoscope.streamer.testing.tcp_proxy import proxied

pytestmark = pytest.mark.usefixtures("short_timeouts")


def open_sessions(port: int) -> int:
    """Number of sockets that the server has open, by its own account."""
    with urlopen(f"http://127.0.0.1:{port}/readyz") as answer:
        count: int = json.load(answer)["sessions"]
        return count


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
