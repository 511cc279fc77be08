"""`emoscope replay` on a terminal, and its pictures."""

import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import soundfile
from waiting import wait_until

from emoscope.streamer.cli.main import main
from emoscope.streamer.sources import paced_recording

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def _load(path: Path) -> object:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


made_record = _load(HERE.parent / "streamer" / "display" / "made_record.py")
listening = _load(HERE / "test_listen.py")


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """The made session as a record."""
    from emoscope.streamer.protocol.events import encode

    path = tmp_path / "made.jsonl"
    path.write_bytes(b"".join(encode(event) + b"\n" for event in made_record.events()))  # type: ignore[attr-defined]
    return path


def test_a_record_is_shown_on_the_screen_at_any_speed(record: Path) -> None:
    """A record on a terminal draws the screen of a live session, twenty times as fast if asked, and ends with it."""
    began = time.monotonic()
    command = [*listening.EMOSCOPE, "replay", str(record), "--speed", "20"]  # type: ignore[attr-defined]
    screen = listening.Terminal(command, os.environ | {"TERM": "xterm-256color"})  # type: ignore[attr-defined]
    screen.read_until("replay ×20")
    screen.read_until("interim")
    assert screen.end() == 0
    assert time.monotonic() - began > 55 / 20
    assert screen.given_back
    assert "7 utterances" in screen.output


def test_a_recording_is_shown_on_the_screen(conversation: Path) -> None:
    """A recording on a terminal is read live at its own pace; `q` leaves before its end."""
    command = [*listening.EMOSCOPE, "replay", str(conversation)]  # type: ignore[attr-defined]
    screen = listening.Terminal(command, os.environ | {"TERM": "xterm-256color"})  # type: ignore[attr-defined]
    screen.read_until("interim")
    screen.press("q")
    assert screen.end() == 0
    assert "16 utterances" not in screen.output, "it ended before the recording did"
    assert screen.given_back


@pytest.mark.parametrize("leave", ["q", "\x03"])
def test_a_stalled_terminal_can_be_left(record: Path, leave: str) -> None:
    """After Ctrl+S nothing is taken any more: a wish to leave still ends the program, and the keys are given back."""
    import termios

    screen = listening.Terminal(  # type: ignore[attr-defined]
        [*listening.EMOSCOPE, "replay", str(record)],  # type: ignore[attr-defined]
        os.environ | {"TERM": "xterm-256color"},
    )
    screen.read_until("interim")  # the first frame is long, and must not be stopped in the middle
    screen.press("\x13")
    wait_until(lambda: screen.stalled)
    if leave == "q":
        screen.press(leave)
    else:
        os.killpg(screen.process.pid, signal.SIGINT)
    assert screen.end() == 1
    assert termios.tcgetattr(screen._slave)[:4] == screen._before[:4]


@pytest.mark.parametrize("suffix", [".svg", ".html", ".txt"])
def test_a_picture_is_made_of_a_record(record: Path, tmp_path: Path, suffix: str) -> None:
    """--screenshot draws one frame of any second as SVG, HTML or text, without a terminal."""
    picture = tmp_path / f"screen{suffix}"
    assert main(["replay", str(record), "--screenshot", str(picture), "--at", "48.6", "--size", "80x24"]) == 0
    text = picture.read_text(encoding="utf-8")
    assert "HAPPY" in text
    if suffix == ".txt":
        assert len(text.splitlines()) == 24


def test_a_picture_of_a_recording_does_not_wait_for_it(
    conversation: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A frame of a recording's second is drawn as fast as the model goes, and shows nothing of later."""
    picture, slept = tmp_path / "screen.txt", []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        time.sleep(seconds)

    monkeypatch.setattr(paced_recording, "time", SimpleNamespace(sleep=sleep, monotonic=time.monotonic))
    assert main(["replay", str(conversation), "--screenshot", str(picture), "--at", "30", "--threads", "1"]) == 0
    assert "lag" not in picture.read_text(encoding="utf-8"), "a picture shows no lag"
    assert sum(slept) < 3, "the recording is not paced"
    assert "00:00:30" in picture.read_text(encoding="utf-8").splitlines()[0]


def test_a_picture_of_another_kind_is_refused_before_anything_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The suffix is looked at first, before the recording."""
    assert main(["replay", str(tmp_path / "none.wav"), "--screenshot", str(tmp_path / "x.png")]) == 2
    assert ".png" in capsys.readouterr().err


@pytest.mark.parametrize("options", [["--size", "80"], ["--screenshot", "x.png"], ["--speed", "0"]])
def test_a_picture_that_cannot_be_made_is_a_usage_error(
    record: Path, tmp_path: Path, options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A size without rows, a format that is not written, a speed of nothing: exit code 2, and why."""
    monkeypatch.chdir(tmp_path)
    assert main(["replay", str(record), "--screenshot", "x.svg", *options]) == 2


def test_a_record_is_read_as_plain_lines_and_as_json(record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where there is no terminal a record gives a line a final, or its own events again."""
    assert main(["replay", str(record), "--plain"]) == 0
    assert capsys.readouterr().out.count("unsure") >= 1
    assert main(["replay", str(record), "--json"]) == 0
    assert capsys.readouterr().out == record.read_text()


@pytest.mark.parametrize("kind", ["cut", "half", "other"])
def test_a_broken_record_is_reported(
    record: Path, kind: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A record that ends early, in the middle of a line, or is of another version, shows what it has and says so."""
    text = record.read_text()
    if kind == "cut":
        record.write_text("".join(text.splitlines(keepends=True)[:60]))
    elif kind == "half":
        record.write_text(text[: len(text) // 2])
    else:
        record.write_text(text.replace("emoscope.v1", "emoscope.v9"))
    picture = tmp_path / "x.txt"
    for options in (["--plain"], ["--screenshot", str(picture)]):
        assert main(["replay", str(record), *options]) == 1
        error = capsys.readouterr().err
        assert ("emoscope.v9; this version reads emoscope.v1" if kind == "other" else "breaks off at") in error
    if kind != "other":
        assert "turns" in picture.read_text()


def test_the_demo_replays(conversation: Path, tmp_path: Path) -> None:
    """demo/replay.py reads a recording, in under thirty lines; one that is not there is an error in a line."""
    script = ROOT / "demo" / "replay.py"
    recording = tmp_path / "short.wav"
    samples, rate = soundfile.read(conversation, frames=8 * 16_000)
    soundfile.write(recording, samples, rate)
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(script), str(recording)]
    done = subprocess.run(command, capture_output=True, timeout=60, text=True, check=True, env=environment)
    assert "most of it from" in done.stdout
    assert len(script.read_text(encoding="utf-8").splitlines()) < 30
    command = [sys.executable, str(script), str(tmp_path / "none.wav")]
    done = subprocess.run(command, capture_output=True, timeout=60, text=True, check=False, env=environment)
    assert done.returncode == 1
    assert "no such file" in done.stderr
    assert "Traceback" not in done.stderr
