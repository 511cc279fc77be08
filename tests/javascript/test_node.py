"""The JavaScript client in Node, against a real server: the events of a replay, whatever the network does."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sent_speech import REPLAYED, WHOLE, durable
from served import served
from web_core import node

from emoscope.streamer import Config, Session
from emoscope.streamer.protocol.events import (
    AnyEvent,
    SessionCreated,
    SessionResumed,
    SpeechStarted,
    WarningEvent,
    decode,
)
from emoscope.streamer.testing import CONTRACT, FakeEngine, differences, run
from emoscope.streamer.testing.tcp_proxy import Faults, proxied

HERE = Path(__file__).parent
FAST = {"pace": "fast"}


def sent(url: str, samples: np.ndarray = WHOLE, **options: object) -> list[AnyEvent]:
    """The events that the client got for these samples; CalledProcessError when it failed."""
    done = ran(url, samples, **options)
    assert done.returncode == 0, done.stderr.decode()
    return [decode(line) for line in done.stdout.splitlines()]


def ran(url: str, samples: np.ndarray = WHOLE, **options: object) -> subprocess.CompletedProcess[bytes]:
    command = [node(), str(HERE / "send.mjs"), url, json.dumps(options)]
    return subprocess.run(command, input=samples.astype("<i2").tobytes(), capture_output=True, check=False, timeout=200)


def assert_nothing_lost(events: Sequence[AnyEvent]) -> None:
    came = durable(events)
    assert [event.seq for event in came] == list(range(1, len(REPLAYED) + 1))
    assert differences(came, REPLAYED) == []
    assert not [event for event in events if isinstance(event, WarningEvent) and event.code == "audio_dropped"]
    assert sum(isinstance(event, SessionCreated) for event in events) == 1


@pytest.mark.parametrize(
    "options", [{}, {"config": FAST}, {"config": FAST, "float": True}, {"block": 333}, {"iterate": True}]
)
def test_the_events_are_those_of_a_replay(options: dict[str, Any]) -> None:
    """Of integers and floats, live and as a file, in blocks of any length."""
    with served() as server:
        assert_nothing_lost(sent(server.url, **options))


def test_a_listener_that_throws_holds_nothing_up_and_an_iterator_that_is_left_listens_no_more() -> None:
    """The sound is longer than the server takes at once, so the client must hear that there is room again."""
    samples = np.concatenate([WHOLE] * (1 + 70 * 16_000 // len(WHOLE)))
    with served() as server:
        command = [node(), str(HERE / "listeners.mjs"), server.url]
        data = samples.astype("<i2").tobytes()
        done = subprocess.run(command, input=data, capture_output=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr.decode()
    seen = json.loads(done.stdout)
    assert seen["finals"] > 10 and seen["reported"] > seen["finals"]
    assert (seen["removed"], seen["listening"]) == (0, 0)


CUTS = {
    "reset while audio goes up": [Faults(up_after=60_001)],
    "an end in the middle of a frame": [Faults(up_after=80_013, ending="close")],
    "an event is cut in two": [Faults(down_after=5_555, ending="close")],
    "the way up ends and the way down stays": [Faults(up_after=50_000, ending="half")],
    "again and again": [Faults(up_after=30_000 + 7_001 * n) for n in range(4)],
    "cut while the resumed session is greeted": [Faults(up_after=60_000), Faults(down_after=500)],
    "a slow reader": [Faults(rate=4_000)],
}


@pytest.mark.parametrize("faults", CUTS.values(), ids=CUTS.keys())
@pytest.mark.parametrize("pace", ["fast", "realtime"])
def test_a_cut_loses_nothing(faults: list[Faults], pace: str) -> None:
    with served() as server, proxied(server.port, faults) as proxy:
        events = sent(proxy.url, config={"pace": pace})
    assert_nothing_lost(events)
    if any(fault.up_after or fault.down_after for fault in faults):
        assert any(isinstance(event, SessionResumed) for event in events)


def test_a_flush_ends_the_utterance_where_it_was_said() -> None:
    with served() as server:
        events = sent(server.url, config=FAST, block=1_600, flushAt=[15])
    first = next(event for event in events if event.type == "speech.ended")
    assert first.reason == "flush" and first.end == pytest.approx(1.6, abs=0.03)


def test_sound_of_another_rate_keeps_its_times_and_its_end() -> None:
    wide = np.repeat(WHOLE, 3)
    with served() as server:
        events = sent(server.url, wide, rate=48_000, config=FAST)
    [closed] = [event for event in events if event.type == "session.closed"]
    assert closed.totals.audio_s >= len(WHOLE) / 16_000
    starts = [event.start for event in events if event.type == "speech.started"]
    assert starts == pytest.approx([event.start for event in REPLAYED if isinstance(event, SpeechStarted)], abs=0.1)


def test_two_channels_are_mixed_as_a_replay_mixes_them() -> None:
    both = np.stack([WHOLE, WHOLE], axis=1).reshape(-1)
    with served() as server:
        events = sent(server.url, both, config={**FAST, "channels": 2})
    expected = durable(run(Session(CONTRACT, Config(channels=2)), FakeEngine(), [both.reshape(-1, 2)]))
    assert differences(durable(events), expected) == []


def test_a_wrong_token_and_no_server_are_told_in_one_sentence() -> None:
    with served(token="sesame") as server:
        refused = ran(server.url, token="wrong")
        assert_nothing_lost(sent(server.url, token="sesame"))
        gone = server.url
    assert refused.returncode == 1 and b"needs a token, or another one" in refused.stderr
    unreachable = ran(gone)
    assert unreachable.returncode == 1 and b"does not answer" in unreachable.stderr
    assert b"    at " not in refused.stderr + unreachable.stderr


def test_without_a_websocket_or_with_a_fixed_option_it_says_what_to_do() -> None:
    script = f"import {{ Emoscope }} from '{(HERE.parents[1] / 'demo/javascript/emoscope.js').as_uri()}';" + (
        "const tried = (...given) => { try { new Emoscope(...given); }"
        " catch (error) { return error.message; } };"
        "const WebSocket = class {};"
        "console.log(JSON.stringify([tried('ws://x', { WebSocket: null }), tried('ftp://x', { WebSocket }),"
        "tried('ws://x', { WebSocket, config: { sample_rate: 8000 } })]));"
    )
    done = subprocess.run([node(), "--input-type=module", "-e", script], capture_output=True, text=True, check=True)
    missing, address, fixed = json.loads(done.stdout)
    assert "Node 22" in missing and "wss://" in address and "sample_rate" in fixed
