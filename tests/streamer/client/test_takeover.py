"""A server is killed or shuts down: another one with the same session store continues, and the client loses nothing."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress

import numpy as np
import pytest
from served import served
from waiting import wait_until

from emoscope.streamer import Config, Session
from emoscope.streamer.client import SyncClient
from emoscope.streamer.protocol.events import (
    AnyEvent,
    Durable,
    EmotionFinal,
    SessionCreated,
    SessionResumed,
    WarningEvent,
)
from emoscope.streamer.server.options import ServerOptions
from emoscope.streamer.testing import CONTRACT, FakeEngine, differences, run, silence, voice
from emoscope.streamer.testing.tcp_proxy import proxied

AUDIO = np.concatenate(
    [piece for n in range(4) for piece in (silence(0.7, seed=n), voice(1.6, 140.0 + 30 * n, seed=n))]
)
WHOLE = (np.concatenate([AUDIO, silence(1.0)]) * 32_768).astype(np.int16)
REPLAYED = [e for e in run(Session(CONTRACT, Config()), FakeEngine(), [WHOLE]) if isinstance(e, Durable)]

SERVE = """
import asyncio, sys
from emoscope.streamer.server import run
from emoscope.streamer.server.options import ServerOptions
from emoscope.streamer.testing import CONTRACT, FakeEngine

asyncio.run(run(CONTRACT, FakeEngine(), ServerOptions(port=int(sys.argv[2]), store=sys.argv[1])))
"""


def listening(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1.0):
        return True
    return False


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "shut down"])
def test_another_server_continues_the_session(redis_url: str, ending: signal.Signals) -> None:
    """The first server ends in mid-stream; the client reconnects to the second and has each event of a replay once."""
    port = free_port()
    first = subprocess.Popen([sys.executable, "-c", SERVE, redis_url, str(port)])
    try:
        wait_until(lambda: first.poll() is not None or listening(port))
        assert first.poll() is None, "the first server did not start"
        with (
            served(options=ServerOptions(port=0, store=redis_url, drain_s=2.0)) as second,
            proxied(port) as proxy,
            SyncClient(proxy.url, Config(pace="fast")) as speaker,
        ):
            events: list[AnyEvent] = []

            def finals() -> int:
                return sum(isinstance(event, EmotionFinal) for event in events)

            def blocks() -> Iterator[np.ndarray]:
                for number, block in enumerate(np.array_split(WHOLE, 80)):
                    if number == 50:
                        wait_until(lambda: finals() >= 2 and speaker.processed_s > 2.0)
                        proxy.target = second.port
                        first.send_signal(ending)
                        first.wait()
                    yield block

            for event in speaker.stream(blocks()):
                events.append(event)
    finally:
        first.kill()
        first.wait()
    durable = [event for event in events if isinstance(event, Durable)]
    assert [event.seq for event in durable] == list(range(1, len(REPLAYED) + 1))
    assert differences(durable, REPLAYED) == []
    assert sum(isinstance(event, SessionCreated) for event in events) == 1
    assert sum(isinstance(event, SessionResumed) for event in events) == 1
    assert not [e for e in events if isinstance(e, WarningEvent) and e.code in ("audio_dropped", "session_lost")]
