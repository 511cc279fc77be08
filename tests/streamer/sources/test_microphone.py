"""Devices and the microphone, on a PortAudio that is made up: what is chosen, how it is opened, how it ends."""

import builtins
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from needed import missing

from emoscope.streamer import UnusableDevice
from emoscope.streamer.cli.main import main
from emoscope.streamer.sources import devices, microphone

BLOCK = np.full((30, 1), 0.25, np.float32)


class PortAudioError(Exception):
    """As sounddevice's."""


class FakeStream:
    def __init__(self, module: "FakeSound", **options: Any) -> None:
        module.opened.append(options)
        if options["device"] in module.busy or options["channels"] in module.refused:
            raise PortAudioError("Error opening InputStream: Device unavailable")
        self.options, self.running = options, False

    def start(self) -> None:
        self.running = True

    def abort(self, ignore_errors: bool = True) -> None:
        self.running = False

    def close(self, ignore_errors: bool = True) -> None:
        self.options["finished_callback"]()

    def deliver(self, block: Any, *, overflow: bool = False) -> None:
        self.options["callback"](block, len(block), None, SimpleNamespace(input_overflow=overflow))


class FakeSound:
    """The parts of sounddevice that we use."""

    PortAudioError = PortAudioError

    def __init__(self) -> None:
        self.busy: set[int] = set()
        self.refused: set[int] = set()
        self.opened: list[dict[str, Any]] = []
        self.default = SimpleNamespace(device=[1, 0])
        self.streams: list[FakeStream] = []
        self.listed = [
            {"name": "Speakers", "hostapi": 0, "max_input_channels": 0, "default_samplerate": 48_000.0},
            {"name": "Built-in Microphone", "hostapi": 0, "max_input_channels": 2, "default_samplerate": 44_100.0},
            {"name": "Blue Yeti", "hostapi": 0, "max_input_channels": 1, "default_samplerate": 48_000.0},
            {"name": "BlackHole 2ch", "hostapi": 0, "max_input_channels": 2, "default_samplerate": 48_000.0},
            {"name": "Headset", "hostapi": 0, "max_input_channels": 1, "default_samplerate": 1_000.0},
        ]

    def query_hostapis(self) -> list[dict[str, Any]]:
        return [{"name": "Core Audio", "default_input_device": 1}]

    def query_devices(self) -> list[dict[str, Any]]:
        return self.listed

    def InputStream(self, **options: Any) -> FakeStream:
        self.streams.append(FakeStream(self, **options))
        return self.streams[-1]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeSound:
    module = FakeSound()
    monkeypatch.setattr(devices, "load_sounddevice", lambda: module)
    monkeypatch.setattr(microphone, "load_sounddevice", lambda: module)
    return module


def test_a_device_is_chosen_by_number_name_or_part_of_it(fake: FakeSound) -> None:
    """A number, a whole name in any case, and a part of a name that only one has, all choose."""
    assert devices.choose("2").name == "Blue Yeti"
    assert devices.choose("blue yeti").name == "Blue Yeti"
    assert devices.choose("yeti").name == "Blue Yeti"
    assert devices.choose(None).name == "Built-in Microphone"


@pytest.mark.parametrize("wanted", ["0", "9", "Snowball", "Speakers"])
def test_an_unknown_device_is_an_error_that_lists_the_devices(fake: FakeSound, wanted: str) -> None:
    """A device that is not there, or that cannot record, is never replaced by another: the error lists those there."""
    with pytest.raises(UnusableDevice) as error:
        devices.choose(wanted)
    for name in ("Built-in Microphone", "Blue Yeti", "BlackHole 2ch"):
        assert name in str(error.value)


def test_a_name_that_two_devices_share_is_an_error(fake: FakeSound) -> None:
    """A part of a name that more than one has is an error that lists those."""
    with pytest.raises(UnusableDevice, match="2 microphones") as error:
        devices.choose("bl")
    assert "Blue Yeti" in str(error.value)
    assert "Built-in" not in str(error.value)


def test_no_device_at_all_is_an_error_that_says_what_to_do(fake: FakeSound, capsys: pytest.CaptureFixture[str]) -> None:
    """Without any input device both commands say so and fail."""
    fake.listed = fake.listed[:1]
    with pytest.raises(UnusableDevice, match="no microphone found"):
        devices.choose(None)
    assert main(["devices"]) == 1
    assert main(["listen"]) == 1
    assert "no microphone found" in capsys.readouterr().err


def test_the_list_shows_what_a_person_must_know(fake: FakeSound, capsys: pytest.CaptureFixture[str]) -> None:
    """The list has number, name, channels, rate, which is the default, and what records the loudspeakers."""
    assert main(["devices"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split(None, 1) == ["1", "Built-in Microphone  (2 ch, 44100 Hz, Core Audio, default)"]
    assert "system sound" in lines[2]
    assert "Speakers" not in "".join(lines)


def test_a_microphone_is_opened_at_its_own_rate(fake: FakeSound) -> None:
    """The stream has the device's rate, whatever the session's is."""
    opened = microphone.Microphone(devices.choose("yeti"))
    assert fake.opened[0]["samplerate"] == 48_000
    assert (opened.sample_rate, opened.channels) == (48_000, 1)


def test_two_channels_are_opened_and_one_where_two_are_refused(fake: FakeSound) -> None:
    """Of two channels both are read; a device that offers them and refuses is opened with one."""
    assert microphone.Microphone(devices.choose("1")).channels == 2
    fake.refused = {2}
    assert microphone.Microphone(devices.choose("1")).channels == 1


def test_a_busy_device_is_an_error_and_no_other_is_tried(fake: FakeSound) -> None:
    """A busy device is an error that lists the others; none of them is opened in its place."""
    fake.busy = {2}
    with pytest.raises(UnusableDevice, match="cannot be opened") as error:
        microphone.Microphone(devices.choose("yeti"))
    assert "Built-in Microphone" in str(error.value)
    assert {options["device"] for options in fake.opened} == {2}


def test_blocks_come_in_order_and_the_oldest_are_pushed_out(fake: FakeSound) -> None:
    """The queue holds ten seconds; what came before is counted as lost, in front of what is left."""
    opened = microphone.Microphone(devices.choose("Headset"))  # 1000 Hz: a block of 30 ms is 30 frames
    stream = fake.streams[-1]
    for n in range(400):  # 12 s
        stream.deliver(BLOCK + n)
    assert opened.waiting_s == pytest.approx(12.0)
    first = opened.read(0.0)
    assert first.lost == 400 * 30 - 334 * 30
    assert first.samples[0, 0] == pytest.approx(66.25)
    frames = len(first.samples)
    while len(block := opened.read(0.0).samples):
        frames += len(block)
    assert frames == 334 * 30
    assert opened.waiting_s == 0.0


def test_the_callback_keeps_a_copy(fake: FakeSound) -> None:
    """PortAudio writes over its buffer: the captured samples stay as they were."""
    opened = microphone.Microphone(devices.choose("yeti"))
    block = BLOCK.copy()
    fake.streams[-1].deliver(block, overflow=True)
    block[:] = 0
    captured = opened.read(0.0)
    assert (captured.samples == 0.25).all()
    assert captured.overflows == 1


def test_a_device_that_goes_away_is_told_after_all_that_it_gave(fake: FakeSound) -> None:
    """When the stream ends by itself, what it gave is read first; then the error lists the other devices."""
    opened = microphone.Microphone(devices.choose("yeti"))
    fake.streams[-1].deliver(BLOCK)
    fake.streams[-1].options["finished_callback"]()
    assert len(opened.read(0.0).samples) == 30
    with pytest.raises(UnusableDevice, match="stopped delivering audio") as error:
        opened.read(0.0)
    assert "Built-in Microphone" in str(error.value)


def test_a_device_that_gives_nothing_is_told(fake: FakeSound, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that is open and silent of callbacks is an error after some seconds, not a wait for ever."""
    monkeypatch.setattr(microphone, "FIRST_BLOCK_TIMEOUT_S", 0.1)
    opened = microphone.Microphone(devices.choose("yeti"))
    assert len(opened.read(0.02).samples) == 0

    def wait() -> None:
        for _ in range(100):
            opened.read(0.02)

    with pytest.raises(UnusableDevice, match="delivers no audio"):
        wait()


def test_closing_twice_closes_once(fake: FakeSound) -> None:
    """PortAudio must not be asked to close a stream twice."""
    opened = microphone.Microphone(devices.choose("yeti"))
    closed: list[bool] = []
    fake.streams[-1].options["finished_callback"] = lambda: closed.append(True)
    opened.close()
    opened.close()
    assert closed == [True]


def test_a_missing_portaudio_is_one_line_for_every_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the PortAudio library one line says what to install on Debian, Fedora, macOS and Windows."""
    real = builtins.__import__

    def without(name: str, *rest: Any, **options: Any) -> Any:
        if name == "sounddevice":
            raise OSError("PortAudio library not found")
        return real(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UnusableDevice) as error:
        devices.load_sounddevice()
    message = str(error.value)
    assert "\n" not in message
    for word in ("Debian", "libportaudio2", "Fedora", "portaudio", "macOS", "brew", "Windows", "pip"):
        assert word in message


@pytest.mark.parametrize("before", [None, "mine"])
def test_the_wanted_source_is_asked_for_only_while_opening(before: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's source stands in the environment while its stream is opened, and not for whatever comes after."""
    monkeypatch.delenv("PULSE_SOURCE", raising=False)
    if before is not None:
        monkeypatch.setenv("PULSE_SOURCE", before)
    device = devices.Device(9, 1, "Room", "PulseAudio", 1, 48_000, source="room.monitor")
    with devices.selected_source(device):
        assert os.environ["PULSE_SOURCE"] == "room.monitor"
    assert os.environ.get("PULSE_SOURCE") == before


LATER = """
import json, sys
from pathlib import Path
from emoscope.streamer.sources.devices import devices, devices_now
before = [device.name for device in devices()]
file = Path(sys.argv[1])
file.write_text(file.read_text() + 'pcm.later { type null hint.description "plugged in later" }\\n')
print(json.dumps([before, [device.name for device in devices()], [device.name for device in devices_now()]]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ALSA lets a file name devices")
def test_a_device_that_came_after_the_start_is_listed(tmp_path: Path) -> None:
    """PortAudio itself keeps the list that it made when it was loaded."""
    configuration = tmp_path / "asound.conf"
    first = 'pcm.first { type null hint.description "there from the start" }'
    configuration.write_text(f"</usr/share/alsa/alsa.conf>\n{first}\n")
    environment = os.environ | {"ALSA_CONFIG_PATH": str(configuration)}
    command = [sys.executable, "-c", LATER, str(configuration)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if "PortAudio is not installed" in done.stderr:
        missing("needs PortAudio: apt install libportaudio2")
    assert done.returncode == 0, done.stderr
    before, kept, now = json.loads(done.stdout)
    assert "first" in before and before == kept
    assert {"first", "later"} <= set(now)
