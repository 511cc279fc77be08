"""`replay`, `listen` and `serve` in processes in which torch cannot be imported."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from emoscope.streamer import Config, open_engine, replay
from emoscope.streamer.client import SyncClient
from emoscope.streamer.protocol.events import EmotionFinal

ROOT = Path(__file__).parents[2]
EMOSCOPE = [sys.executable, "-m", "emoscope.streamer.cli"]
LISTEN = """
import sys
import soundfile
from emoscope.streamer.cli.main import main
from emoscope.streamer.sources import devices, microphone
from emoscope.streamer.testing import FakeSource

samples, _ = soundfile.read(sys.argv[1], dtype="float32")
devices.choose = lambda name: None
microphone.Microphone = lambda device: FakeSource(samples)
sys.exit(main(["listen", "--json", "--asr", "none"]))
"""
CLOSE = 1.1e-4  # scores in an event have four digits


@pytest.fixture
def without_torch(tmp_path: Path) -> dict[str, str]:
    """The environment of processes, and of those that they start, in which importing torch fails."""
    folder = tmp_path / "blocked"
    folder.mkdir()
    blocked = "import sys\nfor name in ('torch', 'transformers'):\n    sys.modules[name] = None\n"
    (folder / "sitecustomize.py").write_text(blocked)
    return {**os.environ, "PYTHONPATH": str(folder)}


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory, conversation: Path) -> Path:
    """The first 20 s of the demo recording."""
    samples, rate = soundfile.read(conversation, frames=20 * 16_000)
    path = tmp_path_factory.mktemp("sound") / "speech.wav"
    soundfile.write(path, samples, rate)
    return path


@pytest.fixture(scope="module")
def by_torch(speech: Path) -> list[EmotionFinal]:
    """The finals of torch."""
    opened = open_engine("small", engine="torch", threads=1)
    return [event for event in replay(speech, opened) if isinstance(event, EmotionFinal)]


def output_of(command: list[str], environment: dict[str, str]) -> list[dict]:
    """The events that a command prints."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def check_same(finals: list[tuple[str, dict[str, float]]], by_torch: list[EmotionFinal]) -> None:
    assert [label for label, _ in finals] == [event.label for event in by_torch] and len(finals) > 2
    for (_, scores), event in zip(finals, by_torch, strict=True):
        assert scores == pytest.approx(event.scores, abs=CLOSE)


def finals_of(events: list[dict]) -> list[tuple[str, dict[str, float]]]:
    return [(event["label"], event["scores"]) for event in events if event["type"] == "emotion.final"]


def test_torch_cannot_be_imported_where_these_tests_run(without_torch: dict[str, str]) -> None:
    done = subprocess.run([sys.executable, "-c", "import torch"], env=without_torch, capture_output=True, check=False)
    assert done.returncode == 1 and b"ModuleNotFoundError" in done.stderr


def test_replay_reads_a_recording(without_torch: dict[str, str], speech: Path, by_torch: list[EmotionFinal]) -> None:
    events = output_of([*EMOSCOPE, "replay", str(speech), "--json", "--asr", "none"], without_torch)
    check_same(finals_of(events), by_torch)


def test_replay_reads_the_words_too(without_torch: dict[str, str], speech: Path, whisper_base: Path) -> None:
    """The recognizer and the text branch need no torch either."""
    command = [*EMOSCOPE, "replay", str(speech), "--json", "--asr", f"faster-whisper:{whisper_base}"]
    finals = [event for event in output_of(command, without_torch) if event["type"] == "emotion.final"]
    assert any(event["text"] == "used" and event["words"] for event in finals)


def test_listen_hears_a_microphone(without_torch: dict[str, str], speech: Path, by_torch: list[EmotionFinal]) -> None:
    events = output_of([sys.executable, "-c", LISTEN, str(speech)], without_torch)
    check_same(finals_of(events), by_torch)


@pytest.fixture
def server(without_torch: dict[str, str]) -> Iterator[str]:
    """The URL of `emoscope serve`, whose engine is a process of its own without torch, too."""
    command = [*EMOSCOPE, "serve", "--port", "0", "--asr", "none"]
    process = subprocess.Popen(command, env=without_torch, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stderr is not None
        lines = (json.loads(line) for line in process.stderr)
        yield next(line["url"] for line in lines if line["event"] == "listening")
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


def test_serve_answers_a_websocket(server: str, speech: Path, by_torch: list[EmotionFinal]) -> None:
    samples, rate = soundfile.read(speech, dtype="int16")
    with SyncClient(server, Config(sample_rate=rate, pace="fast")) as client:
        events = list(client.stream(np.array_split(samples, 20)))
    check_same([(e.label, e.scores) for e in events if isinstance(e, EmotionFinal)], by_torch)


@pytest.mark.parametrize("arguments", [["--engine", "torch"], ["--model", "segmental"], ["--device", "cuda"]])
def test_what_needs_torch_says_so_in_one_line(
    without_torch: dict[str, str], speech: Path, arguments: list[str]
) -> None:
    command = [*EMOSCOPE, "replay", str(speech), "--plain", "--asr", "none", *arguments]
    done = subprocess.run(command, env=without_torch, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode in (1, 2) and "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
