"""`emoscope send` and the demos against the real server."""

import json
import os
import re
import signal
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile
from served import served
from waiting import DEADLINE_S, wait_until

from emoscope.streamer import Config, Session, read_record
from emoscope.streamer.client import SyncClient
from emoscope.streamer.display import ScreenState
from emoscope.streamer.protocol.events import (
    AnyEvent,
    Durable,
    EmotionFinal,
    SessionClosed,
    SessionCreated,
    SessionResumed,
)
from emoscope.streamer.runtime import remote
from emoscope.streamer.runtime.remote import Remote
from emoscope.streamer.runtime.updates import Meter, Notice
from emoscope.streamer.sources.paced_recording import PacedRecording
from emoscope.streamer.testing import CONTRACT, FakeEngine, FakeSource, differences, run, silence
from emoscope.streamer.testing.tcp_proxy import Faults, proxied

ROOT = Path(__file__).parents[2]
EMOSCOPE = [sys.executable, "-m", "emoscope.streamer.cli", "send"]


@pytest.fixture
def speech(tmp_path: Path, conversation: Path) -> Path:
    """The first 9 s of the demo recording."""
    samples, rate = soundfile.read(conversation, frames=9 * 16_000, dtype="int16")
    path = tmp_path / "speech.wav"
    soundfile.write(path, samples, rate)
    return path


def durable(events: list[AnyEvent]) -> list[Durable]:
    return [event for event in events if isinstance(event, Durable)]


def replayed(path: Path) -> list[Durable]:
    samples, rate = soundfile.read(path, dtype="int16")
    return durable(run(Session(CONTRACT, Config(sample_rate=rate)), FakeEngine(), [samples]))


def send(*arguments: object, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*EMOSCOPE, *map(str, arguments)], capture_output=True, text=True, timeout=120, cwd=ROOT, check=False,
        env=os.environ | environment,
    )  # fmt: skip


def test_a_file_is_sent_and_its_record_is_that_of_a_replay(speech: Path, tmp_path: Path) -> None:
    """--json and --record hold the same events, the durable ones of a replay, and no resume token."""
    record = tmp_path / "out.jsonl"
    with served(token="secret") as server:
        done = send(speech, server.url, "--json", "--record", record, EMOSCOPE_TOKEN="secret")
    assert done.returncode == 0, done.stderr
    assert done.stdout == record.read_text()
    events = list(read_record(record))
    assert differences(durable(events), replayed(speech)) == []
    created = events[0]
    assert isinstance(created, SessionCreated) and created.source is not None and created.source.endswith("speech.wav")
    assert created.resume_token is None


def test_plain_lines_are_those_of_a_final_each(speech: Path) -> None:
    """--plain gives the notice on stderr and a line a final on stdout."""
    with served() as server:
        done = send(speech, f"ws://127.0.0.1:{server.port}", "--plain")
    assert done.returncode == 0, done.stderr
    finals = [event for event in replayed(speech) if isinstance(event, EmotionFinal)]
    lines = done.stdout.splitlines()
    assert len(lines) == len(finals) > 0
    assert all(re.match(r"00:0\d\.\d-00:0\d\.\d  \w+ ", line) for line in lines)
    assert "a guess about expression" in done.stderr


def test_what_goes_wrong_is_one_line_that_says_what_to_do(speech: Path, tmp_path: Path) -> None:
    """Nobody there, a wrong token, no recording, a wrong address: exit code 1 or 2, no traceback, no empty record."""
    record = tmp_path / "never.jsonl"
    with served(token="secret") as server:
        port = server.port
        refused = send(speech, server.url, "--token", "wrong", "--record", record)
    nobody = send(speech, f"ws://127.0.0.1:{port}")
    usage = send(speech, "127.0.0.1:8765")
    absent = send(tmp_path / "none.wav", "ws://127.0.0.1:1")
    for done, code, words in (
        (refused, 1, "requires a token"),
        (nobody, 1, "connection refused"),
        (usage, 2, "not the address of a server"),
        (absent, 1, "no such file"),
    ):
        assert done.returncode == code, done.stderr
        assert words in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
    assert not record.exists()


def test_ctrl_c_leaves_with_a_whole_record(speech: Path, tmp_path: Path) -> None:
    """Ctrl+C in the middle of a recording at the pace of life: the finals so far, and the end."""
    record = tmp_path / "out.jsonl"
    with served() as server:
        command = [*EMOSCOPE, str(speech), server.url, "--plain", "--pace", "realtime", "--record", str(record)]
        sending = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT)

        def recorded_an_interim() -> bool:
            assert sending.poll() is None
            return record.exists() and b"emotion.interim" in record.read_bytes()

        wait_until(recorded_an_interim)
        sending.send_signal(signal.SIGINT)
        _, errors = sending.communicate(timeout=120)
    assert sending.returncode == 0, errors.decode()
    events = list(read_record(record))
    assert isinstance(events[-1], SessionClosed)
    assert any(isinstance(event, EmotionFinal) for event in events)


def test_a_lost_connection_is_a_quiet_notice_on_the_screen(speech: Path) -> None:
    """A cut in mid-recording is a note; level, lag and readings go on, and the record has every event once."""
    with served() as server, proxied(server.port, [Faults(down_after=4_000)]) as proxy:
        player = Remote(
            PacedRecording(speech, 1e6), lambda: SyncClient(proxy.url, Config(pace="fast")), live=False
        )  # fmt: skip
        player.start()
        state, seen = ScreenState(), []

        def shown_to_the_end() -> bool:
            over = player.done
            for item in player.updates():
                seen.append(item)
                state.apply(item)
            return over

        wait_until(shown_to_the_end)
    assert player.error is None
    events = [item for item in seen if not isinstance(item, Meter | Notice)]
    assert differences(durable(events), replayed(speech)) == []
    assert sum(isinstance(event, SessionCreated) for event in events) == 1
    assert any(isinstance(event, SessionResumed) for event in events)
    notes = [item for item in seen if isinstance(item, Notice)]
    assert notes and not any(note.serious for note in notes)
    ticks = [item for item in seen if isinstance(item, Meter)]
    assert sum(len(tick.envelope) for tick in ticks) == 9 * 20
    assert state.closed is not None and state.turns


def test_pausing_and_leaving_do_as_with_a_session_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said while paused is not sent; `stop` receives the events that are pending."""
    monkeypatch.setattr(remote, "STOP_TIMEOUT_S", DEADLINE_S)
    with served() as server:
        source = FakeSource(silence(1.0), then="silence")
        player = Remote(source, lambda: SyncClient(server.url), live=True)
        player.start()
        wait_until(lambda: any(isinstance(item, Meter) and item.audio_s > 0 for item in player.updates()))
        player.pause(True)
        wait_until(lambda: source.held)
        player.updates()  # those from before the pause
        audio_s: list[float] = []

        def three_meters() -> bool:
            audio_s.extend(item.audio_s for item in player.updates() if isinstance(item, Meter))
            return len(audio_s) >= 3

        wait_until(three_meters)
        assert len(set(audio_s)) == 1
        player.pause(False)
        player.stop()
        assert player.join(DEADLINE_S)
        seen = player.updates()
    assert player.error is None and source.closed
    assert any(isinstance(item, SessionClosed) for item in seen)


def test_tls_is_trusted_when_it_is_named(speech: Path, tmp_path: Path) -> None:
    """A certificate of one's own is refused with what to do, and taken with --ca."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", str(key), "-out",
            str(cert), "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]  # fmt: skip
    subprocess.run(made, check=True, capture_output=True)
    with served(cert=cert, key=key) as server:
        stranger = send(speech, server.url, "--plain")
        friend = send(speech, server.url, "--plain", "--ca", cert)
        plain = send(speech, server.url.replace("wss", "ws"), "--plain")
    assert stranger.returncode == 1 and "not trusted" in stranger.stderr and "--ca" in stranger.stderr
    assert friend.returncode == 0, friend.stderr
    assert plain.returncode == 1 and "wss://" in plain.stderr
    assert ssl.create_default_context(cafile=cert)


@pytest.mark.parametrize("name", ["send.py", "send_bare.py"])
def test_the_demos_give_a_line_a_final(name: str, speech: Path) -> None:
    """Both print what a replay says, in under thirty lines."""
    script = ROOT / "demo" / name
    with served() as server:
        url = f"ws://127.0.0.1:{server.port}"
        done = subprocess.run(
            [sys.executable, str(script), str(speech), url], capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == 0, done.stderr
    finals = [event for event in replayed(speech) if isinstance(event, EmotionFinal)]
    expected = [f"{e.start:7.1f}–{e.end:.1f} s  {e.label:<10} {e.confidence:.2f}" for e in finals]
    assert done.stdout.splitlines() == expected
    assert len(script.read_text(encoding="utf-8").splitlines()) < 30


def test_json_lines_are_events(speech: Path) -> None:
    """Each line on stdout is one event, and there is nothing else."""
    with served() as server:
        done = send(speech, server.url, "--json", "--no-interim")
    types = [json.loads(line)["type"] for line in done.stdout.splitlines()]
    assert types[0] == "session.created" and types[-1] == "session.closed"
    assert "emotion.interim" not in types
