"""The server under measurement and its clients, each in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from ..protocol.errors import EmoscopeError
from .load import Heard, Load


@dataclass(frozen=True)
class Used:
    """What a server process has used: processor seconds by part, memory in bytes, and where requests waited.

    waits  p50 and p95 in ms of each stage since the last time that it was asked
    """

    parts: dict[str, float]
    rss: int
    windows: int
    batches: int
    wall: float
    waits: dict[str, tuple[float, float]]

    def since(self, before: "Used") -> "Used":
        """The difference, memory included."""
        parts = {name: spent - before.parts[name] for name, spent in self.parts.items()}
        return Used(
            parts,
            self.rss - before.rss,
            self.windows - before.windows,
            self.batches - before.batches,
            self.wall - before.wall,
            self.waits,
        )


def processor_s(pid: int) -> float:
    """Processor time of a process so far."""
    with open(f"/proc/{pid}/stat") as told:
        user, system = told.read().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


class Measured:
    """A server process; `with Measured.running("small") as server: ...`."""

    def __init__(self, process: "subprocess.Popen[str]", url: str) -> None:
        self._process, self.url = process, url

    @classmethod
    @contextmanager
    def running(cls, model: str) -> Iterator["Measured"]:
        """Until the block ends; EmoscopeError when it does not start."""
        process = subprocess.Popen(  # noqa: S603 - this interpreter, this package
            [sys.executable, "-m", "emoscope.streamer.bench.measured", model],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            if not url.startswith("ws://"):
                raise EmoscopeError("the server to be measured did not start; its message is above")
            yield cls(process, url)
        finally:
            process.terminate()
            process.wait()

    def used(self) -> Used:
        """As of now."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        told: dict[str, Any] = json.loads(self._process.stdout.readline())
        told.pop("sessions")
        return Used(**told)


def load_of(load: Load) -> Heard:
    """What the clients of a load heard."""
    done = subprocess.run(  # noqa: S603 - this interpreter, this package
        [sys.executable, "-m", "emoscope.streamer.bench.load", json.dumps(asdict(load))],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise EmoscopeError("the clients ended early; their message is above")
    return Heard(**json.loads(done.stdout))


@contextmanager
def load_beside(load: Load) -> Iterator["subprocess.Popen[str]"]:
    """The same, going on beside; its output is read by the caller."""
    process = subprocess.Popen(  # noqa: S603 - this interpreter, this package
        [sys.executable, "-m", "emoscope.streamer.bench.load", json.dumps(asdict(load))],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()
