"""Listing and choosing input devices. Only this module and `microphone` use PortAudio."""

import atexit
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event
from typing import Any

import msgspec

from ..protocol.errors import UnusableDevice
from ..protocol.text import clean
from .stderr_redirect import quiet_stderr

PORTAUDIO_MISSING = (
    "PortAudio is not installed, so no microphone can be opened: Debian and Ubuntu `apt install libportaudio2`, "
    "Fedora `dnf install portaudio`, macOS `brew install portaudio`, Windows "
    "`pip install --force-reinstall sounddevice` (its wheel brings PortAudio)"
)

# Names that platforms give to a device that records the loudspeakers' output.
SYSTEM_SOUND = ("monitor", "loopback", "stereo mix", "what u hear", "blackhole", "soundflower", "vb-cable")


LIST_TIMEOUT_S = 15.0  # for another process to list the devices; a fifth of a second on an idle machine
POLL_S = 1.0  # between two looks for a microphone that went away

_left = Event()  # PortAudio hangs in this process


@dataclass(frozen=True)
class Device:
    """One input device.

    number       the number that `--input` accepts
    index        PortAudio's device index
    host         PortAudio's host API, such as ALSA or Core Audio
    channels     largest number of input channels
    sample_rate  default sample rate, Hz
    default      the system's default input device
    source       name of a PulseAudio or PipeWire source; PortAudio reaches all of these through its device `pulse`
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
        """The device records the loudspeakers' output, not a microphone."""
        return any(word in f"{self.name} {self.source or ''}".lower() for word in SYSTEM_SOUND)

    def line(self) -> str:
        """The device as one line of a list."""
        notes = [f"{self.channels} ch", f"{self.sample_rate} Hz", self.host]
        notes += ["system sound"] * self.system_sound + ["default"] * self.default
        return f"{self.number:>3}  {self.name}  ({', '.join(notes)})"


def load_sounddevice() -> Any:
    """Import the sounddevice module. UnusableDevice says what to install when PortAudio is missing."""
    try:
        with quiet_stderr():  # ALSA prints a line for every missing plug-in
            import sounddevice
    except OSError:
        raise UnusableDevice(PORTAUDIO_MISSING) from None
    except ImportError:
        raise UnusableDevice("the package sounddevice is not installed; `pip install sounddevice`") from None
    except Exception as error:  # PortAudioError, whose class cannot be named when the import itself fails
        raise UnusableDevice(f"the sound system cannot be initialised: {error}; is a sound service running?") from None
    return sounddevice


def leave_sound_system() -> None:
    """At the exit of the process, do not wait for a sound system that does not answer.

    This process opens no microphone again.
    """
    module = load_sounddevice()
    atexit.unregister(module._exit_handler)
    _left.set()


def wait_for(name: str) -> bool:
    """Wait until a microphone of this name is there, so that it can be opened; no stream may be open.

    False at once where PortAudio hangs on the sound system that was lost: then only another process can open it.
    """
    while not _left.is_set():
        time.sleep(POLL_S)
        if any(device.name == name for device in _listed_elsewhere() or ()):
            module = load_sounddevice()
            with quiet_stderr():  # PortAudio lists the devices when it is started
                module._terminate()
                module._initialize()
            return True
    return False


def devices() -> list[Device]:
    """All input devices that the system reports now."""
    return _input_devices(load_sounddevice())


def devices_now() -> list[Device]:
    """All input devices of this moment.

    PortAudio lists those of its start until every stream is closed, so another process is asked. Where that gives no
    answer in time, the list of the start is better than none.
    """
    found = _listed_elsewhere()
    return devices() if found is None else found


def _listed_elsewhere() -> list[Device] | None:
    """All input devices as another process finds them now; None where it gives no answer in time."""
    command = [sys.executable, "-P", "-m", __name__]
    try:
        answer = subprocess.run(  # noqa: S603 - our own module
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=LIST_TIMEOUT_S, check=True
        )
        return msgspec.json.decode(answer.stdout, type=list[Device])
    except (OSError, subprocess.SubprocessError, msgspec.DecodeError):
        return None


def _input_devices(module: Any) -> list[Device]:
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
        raise UnusableDevice(f"the sound system cannot list its devices: {error}") from None
    server = next((device for device in found if device.name == "pulse" and device.host == "ALSA"), None)
    return found + (_pulse_sources(server, highest) if server is not None else [])


def _pulse_sources(server: Device, first: int) -> list[Device]:
    """The sources of a PulseAudio or PipeWire server, including monitors; [] when `pactl` cannot list them."""
    pactl = shutil.which("pactl")
    if pactl is None:
        return []
    try:
        answer = subprocess.run(  # noqa: S603 - a fixed command line; the program was found on the path
            [pactl, "--format=json", "list", "sources"], capture_output=True, timeout=2.0, check=True
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
    """Choose a device by its number, its name or a part of its name; None chooses the default.

    Raises UnusableDevice with a list of the devices when none or several match. Another device is never used instead.
    """
    found = devices()
    if not found:
        raise UnusableDevice(f"no microphone found: the system has no input device; {_advice()}")
    if wanted is None:
        standard = next((device for device in found if device.default), None)
        if standard is None:
            raise UnusableDevice(f"the system has no default microphone; choose one with --input:\n{listing(found)}")
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
        raise UnusableDevice(f"{wanted!r} matches {len(matches)} microphones; choose one of them:\n{listing(matches)}")
    raise UnusableDevice(f"no microphone matches {wanted!r}; available are:\n{listing(found)}")


def listing(found: list[Device]) -> str:
    """The devices, one per line."""
    return "\n".join(device.line() for device in found) or "  (none)"


def others(but: Device) -> str:
    """The other available devices, for the end of an error message."""
    try:
        rest = [device for device in devices() if device.number != but.number]
    except UnusableDevice:
        rest = []
    return f"other input devices:\n{listing(rest)}" if rest else "there is no other input device"


@contextmanager
def selected_source(device: Device) -> Iterator[None]:
    """Set PULSE_SOURCE while a stream is opened: the sound server offers no other way to choose a source.

    The variable is restored afterwards, so that later streams and child processes are not affected.
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


if __name__ == "__main__":
    print(msgspec.json.encode(devices()).decode())
