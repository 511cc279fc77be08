"""`emoscope listen` from a virtual microphone to a real terminal, and what its record holds."""

import importlib.util
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile
from needed import missing
from waiting import DEADLINE_S, wait_until

from emoscope.streamer import read_record
from emoscope.streamer.protocol.events import EmotionFinal, Enrolled, Error, SessionClosed, SessionCreated

ROOT = Path(__file__).parents[2]
_spec = importlib.util.spec_from_file_location("virtual_microphone", Path(__file__).with_name("virtual_microphone.py"))
assert _spec is not None and _spec.loader is not None
virtual_microphone = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(virtual_microphone)

EMOSCOPE = [sys.executable, "-m", "emoscope.streamer.cli"]


@pytest.fixture
def microphone(tmp_path: Path) -> Iterator[Any]:
    """A sound server of the test's own."""
    if absent := virtual_microphone.missing():
        missing(f"needs {', '.join(absent)}: apt install pulseaudio pulseaudio-utils libasound2-plugins libportaudio2")
    made = virtual_microphone.VirtualMicrophone(tmp_path / "sound")
    yield made
    made.close()


@pytest.fixture
def speech(tmp_path: Path, conversation: Path) -> Path:
    """The first 20 s of the demo recording, as a file that the server plays."""
    samples, rate = soundfile.read(conversation, frames=20 * 16_000)
    path = tmp_path / "speech.wav"
    soundfile.write(path, samples, rate)
    return path


class Terminal:
    """A program on a terminal of 80 columns and 24 rows."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        import fcntl
        import termios

        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self._before = termios.tcgetattr(slave)
        self._slave = slave
        self.process = subprocess.Popen(
            command, env=environment, stdin=slave, stdout=slave, stderr=slave, start_new_session=True, cwd=ROOT
        )
        self.output = ""

    def read_until(self, text: str) -> None:
        until = time.monotonic() + DEADLINE_S
        while text not in self.output:
            assert time.monotonic() < until, f"{text!r} never came; the end of what did: {self.output[-3000:]!r}"
            self._read(0.1)

    def _read(self, seconds: float) -> None:
        if select.select([self.master], [], [], seconds)[0]:
            self.output += os.read(self.master, 65_536).decode("utf-8", "replace")

    def press(self, key: str) -> None:
        os.write(self.master, key.encode())

    def resize(self, width: int, height: int) -> None:
        """Change the size, and read what is drawn for it."""
        import fcntl
        import termios

        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        self._read(0.3)  # nothing is drawn at some sizes

    def end(self) -> int:
        """The exit code, once the program has ended by itself."""
        until = time.monotonic() + DEADLINE_S
        while self.process.poll() is None:
            assert time.monotonic() < until, f"it did not end; {self.output[-2000:]!r}"
            self._read(0.05)
        while select.select([self.master], [], [], 0.05)[0]:
            self._read(0.0)
        return self.process.returncode

    @property
    def stalled(self) -> bool:
        """The terminal takes no output, as after Ctrl+S."""
        return not select.select([], [self._slave], [], 0)[1]

    @property
    def given_back(self) -> bool:
        """The terminal is as it was: first screen, cursor shown, lines and echo on."""
        import termios

        last = self.output.rfind("\x1b[?1049h")
        same = termios.tcgetattr(self._slave)[:4] == self._before[:4]
        return same and self.output.find("\x1b[?1049l", last) > 0 and self.output.find("\x1b[?25h", last) > 0


def finals(record: Path) -> list[EmotionFinal]:
    return [event for event in read_record(record) if isinstance(event, EmotionFinal)]


def test_a_voice_is_read_from_microphone_to_record(microphone: Any, speech: Path, tmp_path: Path) -> None:
    """A voice in the room is on the screen while it speaks; `q` leaves a summary, a whole record and the audio."""
    record, audio = tmp_path / "out.jsonl", tmp_path / "out.wav"
    screen = Terminal(
        [*EMOSCOPE, "listen", "--input", "Monitor of Room", "--record", str(record), "--record-audio", str(audio)],
        microphone.environment,
    )
    screen.read_until("level")
    screen.read_until("live")
    microphone.play(speech)
    screen.read_until("interim")
    screen.read_until("final")
    screen.press("?")
    screen.read_until("any key goes back")
    screen.press("x")
    screen.press("p")
    screen.read_until("paused")
    screen.press("p")
    for size in ((0, 0), (3, 2), (200, 50), (40, 8), (80, 24)):
        screen.resize(*size)
    screen.press("q")
    assert screen.end() == 0
    assert screen.given_back
    summary = screen.output[screen.output.rfind("\x1b[?1049l") :]
    assert len(summary.split("\x1b[?1049l")[1].strip().splitlines()) == 5
    events = list(read_record(record))
    created, closed = events[0], events[-1]
    assert isinstance(created, SessionCreated) and isinstance(closed, SessionClosed)
    assert (created.source, created.config.sample_rate, created.config.channels) == ("Monitor of Room", 48_000, 2)
    assert finals(record)
    sound = soundfile.info(audio)
    assert (sound.samplerate, sound.channels) == (48_000, 2)
    assert sound.duration == pytest.approx(closed.totals.audio_s, abs=0.1)


def test_b_learns_a_calm_voice_and_keeps_it_for_the_next_time(
    microphone: Any, conversation: Path, tmp_path: Path
) -> None:
    """Pressed once, it counts ten seconds of speech; from then on readings say so, and the next session begins so."""
    kept, record = tmp_path / "me.voice", tmp_path / "out.jsonl"
    listen = [*EMOSCOPE, "listen", "--input", "Monitor of Room", "--voice", str(kept), "--record", str(record)]
    screen = Terminal(listen, microphone.environment)
    screen.read_until("live")
    screen.press("b")
    screen.read_until("of 10 s")
    microphone.play(conversation)
    screen.read_until("your calm voice was learnt")
    screen.read_until("baseline enrolled")

    def recorded_a_final_after_it() -> bool:
        screen._read(0.0)
        return b'"emotion.final"' in record.read_bytes().partition(b'"type":"enrolled"')[2]

    wait_until(recorded_a_final_after_it)
    screen.press("q")
    assert screen.end() == 0
    assert kept.is_file()
    events = list(read_record(record))
    types = [event.type for event in events if isinstance(event, EmotionFinal | Enrolled)]
    assert types.count("enrolled") == 1
    before, after = finals(record)[: types.index("enrolled")], finals(record)[types.index("enrolled") :]
    assert {event.baseline for event in before} == {"off"}
    assert {event.baseline for event in after} == {"enrolled"}
    again = Terminal([*EMOSCOPE, "listen", "--input", "Monitor of Room", "--voice", str(kept)], microphone.environment)
    again.read_until("baseline enrolled")
    again.press("q")
    assert again.end() == 0


def test_ctrl_c_in_mid_sentence_leaves_a_whole_record(microphone: Any, speech: Path, tmp_path: Path) -> None:
    """Ctrl+C while somebody speaks ends the session, and the sentence so far has its final."""
    record = tmp_path / "out.jsonl"
    microphone.play(speech)
    command = [*EMOSCOPE, "listen", "--input", "Room", "--record", str(record)]
    screen = Terminal(command, microphone.environment)
    screen.read_until("interim")
    os.killpg(screen.process.pid, signal.SIGINT)
    assert screen.end() == 0
    assert screen.given_back
    assert finals(record)
    assert isinstance(list(read_record(record))[-1], SessionClosed)


@pytest.mark.parametrize("how", ["vanish", "freeze"])
def test_a_sound_system_that_goes_away_is_an_error(microphone: Any, speech: Path, tmp_path: Path, how: str) -> None:
    """When the device goes in mid-sentence, the record has what was said, the error says so, and the code is 1."""
    record = tmp_path / "out.jsonl"
    microphone.play(speech)
    command = [*EMOSCOPE, "listen", "--input", "Room", "--record", str(record)]
    screen = Terminal(command, microphone.environment)
    screen.read_until("interim")
    getattr(microphone, how)()
    assert screen.end() == 1
    assert screen.given_back
    assert "stopped delivering audio" in screen.output
    events = list(read_record(record))
    assert [event.code for event in events if isinstance(event, Error)] == ["device_lost"]
    assert finals(record)
    assert isinstance(events[-1], SessionClosed)


def test_a_microphone_that_comes_back_begins_another_session(microphone: Any, speech: Path, tmp_path: Path) -> None:
    """With --reopen, and with a record of its own; what was said before is whole."""
    first, second = tmp_path / "out.jsonl", tmp_path / "out-2.jsonl"
    microphone.play(speech)
    command = [*EMOSCOPE, "listen", "--input", "Room", "--record", str(first), "--reopen", "--plain", "--seconds", "4"]
    screen = Terminal(command, microphone.environment)
    wait_until(lambda: first.exists() and b"emotion.interim" in first.read_bytes())
    microphone.vanish()
    screen.read_until("waiting until it is back")
    microphone.come_back()
    microphone.play(speech)
    assert screen.end() == 0
    assert isinstance(list(read_record(first))[-1], SessionClosed) and finals(first)
    again = list(read_record(second))
    assert again[0].type == "session.created" and isinstance(again[-1], SessionClosed)
    assert again[-1].totals.audio_s == pytest.approx(4.0, abs=1.0)


def test_json_goes_to_a_pipe_and_nothing_else_does(microphone: Any, speech: Path) -> None:
    """--json into a pipe gives events alone, none of them a warning, and ends after --seconds."""
    microphone.play(speech)
    done = subprocess.run(
        [*EMOSCOPE, "listen", "--input", "Room", "--json", "--seconds", "7"],
        env=microphone.environment, capture_output=True, timeout=DEADLINE_S, cwd=ROOT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    types = [json.loads(line)["type"] for line in done.stdout.splitlines()]
    assert types[0] == "session.created"
    assert types[-1] == "session.closed"
    assert "emotion.final" in types
    assert "warning" not in types  # a true voice at a true rate through a real sound server
    assert b"\x1b" not in done.stdout


def test_plain_lines_for_those_who_cannot_use_a_screen(microphone: Any, speech: Path) -> None:
    """--plain on a terminal gives one line a final, and moves no cursor."""
    microphone.play(speech)
    command = [*EMOSCOPE, "listen", "--input", "Room", "--plain", "--seconds", "4"]
    screen = Terminal(command, microphone.environment)
    assert screen.end() == 0
    assert "\x1b" not in screen.output
    assert "a guess about expression" in screen.output
    assert re.search(r"00:0\d\.\d-00:0\d\.\d  \w+", screen.output)


def test_the_demo_listens(microphone: Any, speech: Path) -> None:
    """demo/listen.py prints the notice and a line a final, in under thirty lines."""
    microphone.play(speech)
    script = ROOT / "demo" / "listen.py"
    done = subprocess.run([sys.executable, str(script), "Room", "4"], env=microphone.environment, capture_output=True,
                          timeout=DEADLINE_S, text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "a guess about expression" in done.stdout
    assert re.search(r"–\d+\.\d s  \w+ +0\.\d\d", done.stdout)
    assert len(script.read_text(encoding="utf-8").splitlines()) < 30


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_output_ends_with_a_whole_record(microphone: Any, speech: Path, tmp_path: Path) -> None:
    """--json onto a full disk is an error with code 1, and the record still comes to its end."""
    microphone.play(speech)
    record = tmp_path / "out.jsonl"
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*EMOSCOPE, "listen", "--input", "Room", "--json", "--record", str(record)],
            env=microphone.environment, stdout=full, stderr=subprocess.PIPE, timeout=DEADLINE_S, cwd=ROOT, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert b"No space left" in done.stderr
    assert isinstance(list(read_record(record))[-1], SessionClosed)


def test_the_first_minute_is_measured(microphone: Any, tiny_model: Path) -> None:
    """Each stage is reached, and in this order: a frame, listening, a model that reads."""
    command = [*EMOSCOPE, "bench", "first", "--rounds", "1", "--json", "--model", str(tiny_model)]
    done = subprocess.run(
        command, env=microphone.environment, capture_output=True, text=True, timeout=DEADLINE_S, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    seconds = json.loads(done.stdout)["seconds"]
    assert 0 < seconds["first frame"] <= seconds["listening"] <= seconds["model ready"]
