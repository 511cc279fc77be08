"""A sound server whose loudspeakers lead to a microphone: what is played to them is what the microphone captures.

PulseAudio's null sink; PortAudio reaches it through ALSA's plug-in. On Debian: `apt install libportaudio2 pulseaudio
pulseaudio-utils libasound2-plugins`. (ALSA's own file plug-in was tried instead: it hands out audio as fast as it is
asked, so nothing about time can be tested with it.)
"""

import os
import shutil
import signal
import subprocess
from pathlib import Path

from waiting import wait_until

ALSA = """\
</usr/share/alsa/alsa.conf>
pcm.pulse { type pulse hint.description "the sound server" }
"""
NEEDED = ("pulseaudio", "pactl", "paplay")


def missing() -> list[str]:
    """Programs that are not installed."""
    return [name for name in NEEDED if shutil.which(name) is None]


class VirtualMicrophone:
    """Runs one server in a folder of its own; `environment` makes a child use it and nothing else."""

    def __init__(self, folder: Path) -> None:
        (folder / "home").mkdir(parents=True)
        (folder / "asound.conf").write_text(ALSA)
        socket = folder / "socket"
        self.environment = os.environ | {
            "HOME": str(folder / "home"),
            "XDG_RUNTIME_DIR": str(folder),
            "PULSE_SERVER": f"unix:{socket}",
            "PULSE_LATENCY_MSEC": "60",
            "ALSA_CONFIG_PATH": str(folder / "asound.conf"),
            "TERM": "xterm-256color",
        }
        sink = "module-null-sink sink_name=room rate=48000 channels=2 sink_properties=device.description=Room"
        server = [
            "pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--disable-shm=true",
            "-L", f"module-native-protocol-unix socket={socket} auth-anonymous=1", "-L", sink,
            "-L", "module-null-sink sink_name=other rate=16000 channels=1 sink_properties=device.description=Other",
        ]  # fmt: skip
        self.log = open(folder / "server.log", "wb")  # noqa: SIM115 - closed with the server
        self._command, self._folder = server, folder
        self._players: list[subprocess.Popen[bytes]] = []
        self.come_back()

    def _answers(self) -> bool:
        asked = subprocess.run(["pactl", "info"], env=self.environment, capture_output=True, check=False)
        return asked.returncode == 0

    def play(self, recording: Path) -> None:
        """Begin to play a recording into the room."""
        self._players.append(
            subprocess.Popen(["paplay", "--device=room", str(recording)], env=self.environment, stderr=self.log)
        )

    def vanish(self) -> None:
        """The server goes away, as an unplugged device does."""
        self._server.kill()
        self._server.wait()

    def come_back(self) -> None:
        """The server is there, as a device that is plugged in."""
        self._server = subprocess.Popen(self._command, env=self.environment, stdout=self.log, stderr=self.log)
        wait_until(self._answers, poll_s=0.05, failure=(self._folder / "server.log").read_text)

    def freeze(self) -> None:
        """The server stands still, and answers nobody."""
        self._server.send_signal(signal.SIGSTOP)

    def close(self) -> None:
        for player in self._players:
            player.kill()
            player.wait()
        self.vanish()
        self.log.close()
