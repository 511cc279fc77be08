"""What the client's core decides when a connection closes, times out, or delivers unknown events."""

import math

import msgspec
import pytest
from reference_server import RATE, ReferenceServer

from emoscope.streamer.client.backoff import Backoff
from emoscope.streamer.client.core import ClientCore
from emoscope.streamer.client.reconnect import Reconnect, Stop
from emoscope.streamer.protocol.config import Config
from emoscope.streamer.protocol.errors import Disconnected, RefusedByServer
from emoscope.streamer.protocol.events import Lag, Limits, SessionClosed, Status, Totals, encode
from emoscope.streamer.protocol.messages import Flush, Keepalive

CONFIG = Config(sample_rate=RATE, encoding="mulaw")  # a byte is a sample


def streaming(reconnect_timeout_s: float = 300.0) -> ClientCore:
    """A core with a session, at time 0."""
    core = ClientCore(CONFIG, lambda: 0.5, reconnect_timeout_s)
    core._changed_options = dict  # type: ignore[method-assign]
    core.connection_opened(0.0)
    server = ReferenceServer()
    server.connect()
    core.receive(server.next_event(), 0.0)
    assert core.streaming
    return core


@pytest.mark.parametrize("code", [1006, 1011, 1012, 1013, 4408])
def test_some_close_codes_resume_the_same_session(code: int) -> None:
    """No closing handshake, a failed model, a restart, a busy store, a way up that was dead: the session is resumed."""
    core = streaming()
    session = core.created
    assert isinstance(core.connection_closed(code, "", 1.0), Reconnect)
    assert core.created is session


@pytest.mark.parametrize("code", [4404, 4410])
def test_an_unknown_session_is_replaced(code: int) -> None:
    """Unknown or expired: the next connection begins another."""
    core = streaming()
    assert isinstance(core.connection_closed(code, "", 1.0), Reconnect)
    assert core.created is None


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1009, 4400, 4401, 4409, 4429, 4430, 4499])
def test_other_close_codes_are_errors_that_say_what_to_do(code: int) -> None:
    """The client does not reconnect; the error has the code and advice."""
    stop = streaming().connection_closed(code, "because", 1.0)
    assert isinstance(stop, Stop) and isinstance(stop.error, Disconnected)
    assert stop.error.code == code and str(code) in str(stop.error) and len(str(stop.error)) > 40


def test_the_back_off_grows_until_a_connection_is_stable() -> None:
    """Each attempt in a row waits about twice as long, up to 30 s; a connection of 5 s resets the delay."""
    core = streaming(reconnect_timeout_s=math.inf)
    delays = []
    for now in range(1, 12):
        decision = core.connection_closed(1006, "", float(now))
        assert isinstance(decision, Reconnect)
        delays.append(decision.delay_s)
        core.connection_opened(float(now))
    assert delays == sorted(delays) and delays[0] < 0.25 and 15.0 <= delays[-1] <= 30.0
    assert isinstance(core.connection_closed(1006, "", 15.9), Reconnect)
    core.connection_opened(20.0)
    again = core.connection_closed(1006, "", 25.0)
    assert isinstance(again, Reconnect) and again.delay_s == delays[0]


def test_jitter_spreads_the_attempts() -> None:
    """The delay is between half of the current step and all of it."""
    assert Backoff().next_delay_s(0.0) == pytest.approx(Backoff().next_delay_s(0.999999) / 2, rel=1e-5)


def test_a_client_without_progress_times_out() -> None:
    """Connections that are opened and closed at once, again and again, are an error after `reconnect_timeout_s`."""
    core = streaming(reconnect_timeout_s=10.0)
    for now in range(1, 100):
        decision = core.connection_closed(1011, "", float(now))
        if isinstance(decision, Stop):
            break
        core.connection_opened(float(now))
    assert isinstance(decision, Stop) and isinstance(decision.error, Disconnected)
    assert 10 < now < 14


def test_retry_after_is_respected() -> None:
    """Reconnect-After is the least that a client waits; a wrong token is the end."""
    core = streaming()
    core.connection_closed(1006, "", 1.0)
    full = RefusedByServer("full", 503, 7.0)
    decision = core.connect_failed(full, 2.0, retryable=True, min_delay_s=7.0)
    assert isinstance(decision, Reconnect) and decision.delay_s == 7.0
    assert core.connect_failed(full, 3.0, retryable=False) == Stop(full)


def test_a_dead_connection_times_out() -> None:
    """A server that is silent for 15 s, or that sends but does not receive, times out; one that answers does not."""
    core = streaming()
    assert not core.timed_out(14.0) and core.timed_out(15.1)
    core = streaming()
    core.append(b"x" * 100)
    while core.next_message(0.0) is not None:
        pass
    status = Status(audio_s=0.0, processed_s=0.0, lag_s=Lag(), dropped_s=0.0, rtf=0.0, level_dbfs=-120.0)
    core.receive(encode(status), 14.0)
    assert core.timed_out(16.0)
    core.receive(encode(msgspec.structs.replace(status, audio_s=100 / RATE)), 16.0)
    assert not core.timed_out(30.0) and core.timed_out(31.1)


def test_events_of_a_later_version_are_ignored() -> None:
    """Unknown types, fields and warnings are ignored; a durable event of an unknown type is counted all the same."""
    core = streaming()
    assert core.receive('{"type": "gesture", "hand": 2}', 0.0) == []
    assert core.receive('{"type": "warning", "code": "echo", "message": "x"}', 0.0) == []
    assert core.receive('{"type": "gesture.final", "seq": 1}', 0.0) == []
    known = core.receive('{"type": "speech.started", "seq": 2, "utterance": 1, "start": 0.5, "colour": "red"}', 0.0)
    assert [event.type for event in known] == ["speech.started"]
    assert core.failure is None


@pytest.mark.parametrize(
    "text",
    ["[]", "nonsense", '{"type": "speech.started", "seq": 1}', '{"type": "mood.final", "seq": 9}'],
)
def test_undecodable_and_missing_events_are_errors(text: str) -> None:
    """A message that is no event, a durable event that cannot be decoded, a missing sequence number: all are errors."""
    core = streaming()
    assert core.receive(text, 0.0) == []
    stop = core.connection_closed(1000, "", 1.0)
    assert isinstance(stop, Stop) and isinstance(stop.error, Disconnected)


@pytest.mark.parametrize("number", [1e308, -1e308])
def test_numbers_out_of_range_are_an_error(number: float) -> None:
    """A broken or hostile server causes a client error, and no other exception."""
    core = streaming()
    status = Status(audio_s=number, processed_s=number, lag_s=Lag(), dropped_s=0.0, rtf=0.0, level_dbfs=-120.0)
    core.append(b"x" * 100)
    core.receive(encode(status), 1.0)
    assert core.failure is None or isinstance(core.connection_closed(1000, "", 1.0), Stop)
    core = streaming()
    limits = Limits(max_backlog_s=number, fast_backlog_s=number, resume_ttl_s=number)
    assert core.created is not None
    core.connection_opened(2.0)
    core.receive(encode(msgspec.structs.replace(core.created, limits=limits)), 2.0)
    assert core.failure is None or isinstance(core.connection_closed(1000, "", 2.0), Stop)


def test_commands_keep_to_the_rate_limit() -> None:
    """A hundred flushes are sent over several seconds, in order, each at its sample."""
    core = streaming()
    for _ in range(100):
        core.append(b"xx")
        core.command(Flush())
    sent: list[tuple[float, object]] = []
    now = 0.0
    while len(sent) < 200:
        message = core.next_message(now)
        if message is None:
            now += core.poll_interval_s()
        elif not isinstance(message, Keepalive):
            sent.append((now, message))
    flushes = [at for at, message in sent if isinstance(message, Flush)]
    assert len(flushes) == 100
    assert all(len([at for at in flushes if start <= at < start + 1.0]) <= 45 for start in range(int(now) + 1))
    assert [type(message) for _, message in sent] == [bytes, Flush] * 100


def test_a_split_session_closes_with_its_last_channel() -> None:
    """One channel's `session.closed` does not end the other's events."""
    config = Config(sample_rate=RATE, encoding="mulaw", channels=2, channel_mode="split")
    core = ClientCore(config, lambda: 0.5)
    core._changed_options = dict  # type: ignore[method-assign]
    core.connection_opened(0.0)
    server = ReferenceServer()
    server.connect()
    core.receive(server.next_event(), 0.0)
    totals = Totals(audio_s=1.0, speech_s=0.0, utterances=0, dropped_s=0.0)
    for channel in (1, 0):
        assert core.closed is None
        core.receive(encode(SessionClosed(seq=1, reason="finish", totals=totals, channel=channel)), 0.0)
    assert core.closed is not None
    assert core.received.last_seq == [1, 1]
