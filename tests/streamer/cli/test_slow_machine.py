"""`listen` and `serve` on a machine that is too slow for the model: each is, where no share of time is left to it."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from raw_client import TALK, Raw, raw

from emoscope.streamer import Config
from emoscope.streamer.cli.main import main
from emoscope.streamer.display import ScreenState, draw
from emoscope.streamer.display.screenshot import text_of
from emoscope.streamer.engine import live_check
from emoscope.streamer.protocol.events import NOTICE
from emoscope.streamer.runtime.drive import created
from emoscope.streamer.runtime.updates import Meter, Notice
from emoscope.streamer.sources import devices, microphone
from emoscope.streamer.testing import CONTRACT, FakeSource

SERVE = (
    "import sys; from emoscope.streamer.cli.main import main; from emoscope.streamer.engine import live_check; "
    "live_check.LIVE_SHARE = 0.0; sys.exit(main(['serve', '--port', '0', *sys.argv[1:]]))"
)


@pytest.fixture
def talk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A microphone that hears somebody talk."""
    monkeypatch.setattr(devices, "choose", lambda name: None)
    monkeypatch.setattr(microphone, "Microphone", lambda device: FakeSource(TALK))


@pytest.fixture
def slow_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_check, "LIVE_SHARE", 0.0)


def heard(capsys: pytest.CaptureFixture[str], *options: str) -> tuple[list[dict], list[str]]:
    """The events of `listen`, and the lines on stderr."""
    assert main(["listen", "--json", "--asr", "none", "--threads", "1", "--vad", "webrtc", *options]) == 0
    printed = capsys.readouterr()
    return [json.loads(line) for line in printed.out.splitlines()], printed.err.splitlines()


@pytest.mark.usefixtures("talk", "slow_machine")
def test_listen_says_that_the_named_model_is_too_slow_and_uses_it(
    tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events, lines = heard(capsys, "--model", str(tiny_model))
    assert events[0]["model"]["id"] == "tiny" and events[-1]["type"] == "session.closed"
    assert [event["type"] for event in events].count("emotion.final") == 2
    assert len(lines) == 1 and lines[0].startswith(f"emoscope: model {tiny_model} is too slow for a live voice here: ")


@pytest.mark.usefixtures("talk")
def test_listen_says_nothing_where_the_model_is_fast_enough(
    tiny_model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_check, "LIVE_SHARE", 1e6)
    events, lines = heard(capsys, "--model", str(tiny_model))
    assert events[0]["model"]["id"] == "tiny" and lines == []


@pytest.mark.usefixtures("slow_machine")
def test_recordings_only_take_longer(tiny_model: Path, conversation: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(conversation), "--plain", "--asr", "none", "--model", str(tiny_model)]) == 0
    assert "too slow" not in "".join(capsys.readouterr())


def test_the_screen_shows_the_line_after_the_sessions_own_notice() -> None:
    """It comes before there is a session; what people must be told is not lost for it, and the other way round."""

    def shown() -> str:
        return " ".join(text_of(draw(state, 200, 24)).split())

    state = ScreenState(model="whisper")
    state.apply(Notice("model small, because whisper is too slow", lasting=True))
    assert "because whisper is too slow" in shown()
    state.apply(created(CONTRACT, Config()))
    assert NOTICE in shown() and "too slow" not in shown()
    assert "model fake" in shown() and "model whisper" not in shown()
    state.apply(Meter(7.9, (), 0.0, 0.0, False))
    assert NOTICE in shown()
    state.apply(Meter(8.0, (), 0.0, 0.0, False))
    assert "because whisper is too slow" in shown() and NOTICE not in shown()
    state.apply(Meter(16.1, (), 0.0, 0.0, False))
    assert "too slow" not in shown()


def served(*options: str) -> tuple[list[dict], dict, str, Raw]:
    """A served session: the log until the server listens, `/readyz`, `/metrics`, and the client."""
    command = [sys.executable, "-c", SERVE, "--asr", "none", "--threads", "1", *options]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        assert process.stderr is not None
        log: list[dict] = []
        for line in process.stderr:
            log.append(json.loads(line))
            if log[-1]["event"] == "listening":
                break
        url = log[-1]["url"]
        http = url.replace("ws://", "http://").replace("/v1/stream", "")
        with urllib.request.urlopen(f"{http}/readyz", timeout=60) as answer:
            ready = json.load(answer)
        with urllib.request.urlopen(f"{http}/metrics", timeout=60) as answer:
            metrics = answer.read().decode()

        async def talk() -> Raw:
            async with raw(url, open_timeout=60) as client:
                await client.say("session.update", config={"vad": {"backend": "webrtc"}})  # a made voice
                await client.audio(TALK)
                await client.finished()
                return client

        return log, ready, metrics, asyncio.run(talk())
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)
        if process.stderr is not None:
            process.stderr.close()


def test_serve_logs_that_the_named_model_is_too_slow_and_uses_it(tiny_model: Path) -> None:
    log, ready, metrics, client = served("--model", str(tiny_model))
    assert [line["event"] for line in log] == ["a model is too slow", "listening"]
    assert log[0]["level"] == "warning"
    assert log[0]["message"].startswith(f"model {tiny_model} is too slow for a live voice here: ")
    assert log[1]["model"] == ready["model"] == client.of("session.created")[0].model.id == "tiny"  # type: ignore[union-attr]
    assert 'emoscope_model_info{id="tiny"} 1.0' in metrics
    assert len(client.of("emotion.final")) == 2


@pytest.fixture
def pulled(
    tmp_path: Path, whisper_base: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The encoder is on this machine, so that `auto` takes `whisper`."""
    monkeypatch.setenv("EMOSCOPE_CACHE", str(tmp_path / "cache"))
    assert main(["models", "pull", "whisper", "--from", str(whisper_base)]) == 0
    capsys.readouterr()


@pytest.mark.usefixtures("talk", "pulled", "slow_machine")
def test_auto_takes_small_for_listen_where_whisper_is_too_slow(capsys: pytest.CaptureFixture[str]) -> None:
    """And `whisper` where that is asked for by its name."""
    events, lines = heard(capsys)
    assert events[0]["model"]["id"] == "small"
    assert len(lines) == 1
    assert lines[0].startswith(
        "emoscope: model small, because whisper is too slow for a live voice here: a window takes "
    )
    assert lines[0].endswith(". --model whisper uses it all the same")
    events, lines = heard(capsys, "--model", "whisper")
    assert events[0]["model"]["id"] == "whisper"
    assert len(lines) == 1 and lines[0].startswith("emoscope: model whisper is too slow for a live voice here: ")


@pytest.mark.usefixtures("pulled", "slow_machine")
def test_auto_takes_whisper_for_a_recording_however_slow_it_is(
    conversation: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", str(conversation), "--plain", "--no-interim", "--asr", "none"]) == 0
    assert "(model whisper, " in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.usefixtures("pulled")
def test_auto_takes_small_for_serve_where_whisper_is_too_slow() -> None:
    """The log, `/readyz`, `/metrics` and the events name what runs."""
    log, ready, metrics, client = served()
    assert [line["event"] for line in log] == ["a model is too slow", "listening"]
    assert log[0]["message"].startswith("model small, because whisper is too slow for a live voice here: ")
    assert log[1]["model"] == ready["model"] == client.of("session.created")[0].model.id == "small"  # type: ignore[union-attr]
    assert 'emoscope_model_info{id="small"} 1.0' in metrics


@pytest.mark.usefixtures("talk", "pulled")
def test_auto_takes_whisper_for_listen_where_it_is_fast_enough(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_check, "LIVE_SHARE", 1e6)
    events, lines = heard(capsys)
    assert events[0]["model"]["id"] == "whisper" and lines == []
