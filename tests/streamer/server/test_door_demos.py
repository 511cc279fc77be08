"""The demos of calls, observers, webhooks and of the JavaScript client, as a reader would run them."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import soundfile
from phone_calls import STOP, chunks, mulaw, twilio_start
from sent_speech import REPLAYED, WHOLE
from served import served
from waiting import wait_until
from web_core import node
from websockets.sync.client import connect

from emoscope.streamer.protocol.events import EmotionFinal

ROOT = Path(__file__).parents[3]
DEMO = ROOT / "demo"
FINALS = sum(event.type == "emotion.final" for event in REPLAYED)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    soundfile.write(tmp_path / "talk.wav", WHOLE, 16_000)
    return tmp_path / "talk.wav"


def command(name: str, *arguments: object) -> list[str]:
    script = DEMO / name
    assert len(script.read_text(encoding="utf-8").splitlines()) < 40
    return [sys.executable, str(script), *map(str, arguments)]


@contextmanager
def running(*words: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_recording_is_played_as_a_call(recording: Path) -> None:
    with served() as server:
        play = command("call.py", recording, f"ws://127.0.0.1:{server.port}/twilio", 4)
        subprocess.run(play, timeout=120, check=True)
        counted = f'emoscope_events_total{{type="emotion.final"}} {FINALS}.0'.encode()
        wait_until(lambda: counted in server.metrics.text())


def test_a_call_is_watched() -> None:
    with served(observe_token="watch") as server:
        address = f"ws://127.0.0.1:{server.port}"
        with connect(f"{address}/twilio", compression=None) as call:
            call.send(twilio_start())
            wait_until(lambda: server.feeds.find("CA1") is not None)
            with running(*command("observe.py", address, "CA1", "watch")) as watcher:
                wait_until(lambda: server.feeds.listed()[0]["observers"] == 1)
                for message in [*chunks(mulaw(WHOLE[::2])), STOP]:
                    call.send(message)
                seen, failure = watcher.communicate(timeout=120)
    *lines, last = seen.splitlines()
    assert len(lines) == FINALS, failure
    assert all(line.split()[2] == "caller" for line in lines)
    assert last == "the session is over"


def test_a_webhook_takes_what_is_signed_and_refuses_what_is_not(recording: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("a secret that is long enough\n", encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}/"
    with running(*command("webhook.py", secret, port)) as receiver:
        with served(webhook=url, webhook_secret=secret, drain_s=60.0) as server:
            subprocess.run(
                command("send.py", recording, server.url.removesuffix("/v1/stream")),
                check=True,
                capture_output=True,
                timeout=120,
            )
        with served(webhook=url, drain_s=60.0) as server:  # unsigned
            subprocess.run(
                command("send.py", recording, server.url.removesuffix("/v1/stream")),
                check=True,
                capture_output=True,
                timeout=120,
            )
            dropped = b'emoscope_webhook_posts_total{outcome="dropped"} 3.0'
            wait_until(lambda: dropped in server.metrics.text())
        receiver.kill()
        told, _ = receiver.communicate()
    assert len(told.splitlines()) == FINALS


def test_node_sends_raw_samples() -> None:
    script = DEMO / "javascript" / "send.mjs"
    assert len(script.read_text(encoding="utf-8").splitlines()) < 40
    given = (ROOT / "tests" / "javascript" / "give_websocket.mjs").as_uri()
    with served() as server:
        done = subprocess.run(
            [node(), "--import", given, str(script), server.url.removesuffix("/v1/stream")],
            input=WHOLE.astype("<i2").tobytes(),
            capture_output=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stderr.decode()
    lines = done.stdout.decode().splitlines()
    finals = [event for event in REPLAYED if isinstance(event, EmotionFinal)]
    assert [line.split()[2] for line in lines] == [event.label for event in finals]
