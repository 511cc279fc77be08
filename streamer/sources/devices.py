"""The microphones that are there, and which of them is meant. PortAudio is touched here and in `microphone` alone."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..protocol.errors import UnusableDevice
from ..protocol.text import clean
from .stderr import quiet_stderr

PORTAUDIO_MISSING = (
    "PortAudio is not installed, so no microphone can be opened: Debian and Ubuntu `apt install libportaudio2`, "
    "Fedora `dnf install portaudio`, macOS `brew install portaudio`, Windows "
    "`pip install --force-reinstall sounddevice` (its wheel brings PortAudio)"
)

# What platforms call a device that records what the loudspeakers play.
SYSTEM_SOUND = ("monitor", "loopback", "stereo mix", "what u hear", "blackhole", "soundflower", "vb-cable")


@dataclass(frozen=True)
class Device:
    """One input device.

    number       what `--input` takes
    index        PortAudio's own number
    host         the system interface it is reached through
    channels     at most so many
    sample_rate  its own, Hz
    default      the one that is taken when none is named
    source       of a PulseAudio or PipeWire server, which PortAudio reaches through its one device `pulse`
    """

    number: int
    index: int
    name: str
    host: str
    channels: int
    sample_rate: int
    default: bool = False
    source: str | None = None

    @property
    def system_sound(self) -> bool:
        """Records what the loudspeakers play, not a room."""
        return any(word in f"{self.name} {self.source or ''}".lower() for word in SYSTEM_SOUND)

    def line(self) -> str:
        """One line of a list."""
        notes = [f"{self.channels} ch", f"{self.sample_rate} Hz", self.host]
        notes += ["system sound"] * self.system_sound + ["default"] * self.default
        return f"{self.number:>3}  {self.name}  ({', '.join(notes)})"


def sound() -> Any:
    """The sounddevice module; UnusableDevice says what to install, in one line, when PortAudio is missing."""
    try:
        with quiet_stderr():  # ALSA speaks of every plug-in that it does not find
            import sounddevice
    except OSError:
        raise UnusableDevice(PORTAUDIO_MISSING) from None
    except ImportError:
        raise UnusableDevice("the package sounddevice is not installed; `pip install sounddevice`") from None
    except Exception as error:  # PortAudioError: its class is out of reach when the import itself fails
        raise UnusableDevice(f"the sound system does not start: {error}; is a sound service running?") from None
    return sounddevice


def devices() -> list[Device]:
    """All input devices, as the system tells them now."""
    return _listed(sound())


def _listed(module: Any) -> list[Device]:
    try:
        hosts = [str(host["name"]) for host in module.query_hostapis()]
        default = int(module.default.device[0])
        if default < 0:
            default = next((int(h["default_input_device"]) for h in module.query_hostapis()), -1)
        found = [
            Device(
                number=index,
                index=index,
                name=clean(str(entry["name"])),
                host=hosts[int(entry["hostapi"])],
                channels=int(entry["max_input_channels"]),
                sample_rate=round(entry["default_samplerate"]),
                default=index == default,
            )
            for index, entry in enumerate(module.query_devices())
            if int(entry["max_input_channels"]) > 0
        ]
        highest = len(module.query_devices())
    except module.PortAudioError as error:
        raise UnusableDevice(f"the sound system does not list its devices: {error}") from None
    server = next((device for device in found if device.name == "pulse" and device.host == "ALSA"), None)
    return found + (_sources(server, highest) if server is not None else [])


def _sources(server: Device, first: int) -> list[Device]:
    """What a PulseAudio or PipeWire server offers, monitors of its loudspeakers among it; [] if it does not say."""
    asked = shutil.which("pactl")
    if asked is None:
        return []
    try:
        answer = subprocess.run(  # noqa: S603 - a fixed command line, found on the path
            [asked, "--format=json", "list", "sources"], capture_output=True, timeout=2.0, check=True
        )
        listed = json.loads(answer.stdout)
        return [
            Device(
                number=first + place,
                index=server.index,
                name=clean(str(entry.get("description") or entry["name"])),
                host="PulseAudio",
                channels=len(str(entry["channel_map"]).split(",")),
                sample_rate=int(str(entry["sample_specification"]).split()[-1].removesuffix("Hz")),
                source=str(entry["name"]),
            )
            for place, entry in enumerate(listed)
        ]
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError):
        return []  # an older pactl, or no server: the device `pulse` still works


def choose(wanted: str | None) -> Device:
    """The device meant by a number, a name or a part of one, or the default.

    UnusableDevice lists the devices when there is no such one, or more than one: never another in its place.
    """
    found = devices()
    if not found:
        raise UnusableDevice(f"no microphone here: the system offers no input device; {_advice()}")
    if wanted is None:
        standard = next((device for device in found if device.default), None)
        if standard is None:
            raise UnusableDevice(f"the system names no default microphone; choose one with --input:\n{listing(found)}")
        return standard
    if wanted.isdecimal():
        matches = [device for device in found if device.number == int(wanted)]
    else:
        low = wanted.lower()
        matches = [d for d in found if low in (d.name.lower(), (d.source or "").lower())]
        matches = matches or [d for d in found if low in d.name.lower() or low in (d.source or "").lower()]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise UnusableDevice(f"{wanted!r} means {len(matches)} microphones; name one of them:\n{listing(matches)}")
    raise UnusableDevice(f"no microphone called {wanted!r}; these are there:\n{listing(found)}")


def listing(found: list[Device]) -> str:
    """The devices, a line each."""
    return "\n".join(device.line() for device in found) or "  (none)"


def others(but: Device) -> str:
    """The devices that are there besides one, for the end of a message."""
    try:
        rest = [device for device in devices() if device.number != but.number]
    except UnusableDevice:
        rest = []
    return f"others that are there:\n{listing(rest)}" if rest else "no other input device is there"


@contextmanager
def selected_source(device: Device) -> Iterator[None]:
    """Tell the sound server which of its sources the next stream wants; it has no other way to be asked.

    Only while that stream is opened: the next one, and every program started from here, asks for itself.
    """
    if device.source is None:
        yield
        return
    before = os.environ.get("PULSE_SOURCE")
    os.environ["PULSE_SOURCE"] = device.source
    try:
        yield
    finally:
        if before is None:
            os.environ.pop("PULSE_SOURCE", None)
        else:
            os.environ["PULSE_SOURCE"] = before


def _advice() -> str:
    if sys.platform == "darwin":
        return "plug one in, and allow the terminal to use it (System Settings, Privacy & Security, Microphone)"
    if sys.platform == "win32":
        return "plug one in, and allow desktop apps to use it (Settings, Privacy & security, Microphone)"
    return "plug one in, or start the sound service (PipeWire or PulseAudio); `emoscope replay FILE` needs none"
