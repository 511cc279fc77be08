"""The server under measurement and its simulated clients, each in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import msgspec

from ..engine.messages import ModelRequest
from ..protocol.errors import EmoscopeError
from .clients import ClientLoad, ClientTotals


@dataclass(frozen=True)
class ServerUsage:
    """What a server process has used since it began.

    parts             processor seconds, by part of the server
    rss               memory in bytes
    windows, batches  encoded, and the forward passes that this took
    wall              seconds on the monotonic clock
    stages            p50 and p95 in ms of each stage of a request, since the usage was read last
    files, sessions   open file descriptors, and connections, now
    engine_pid        of the model's process
    loop_p99_ms       how late the event loop was, 99th percentile since the usage was read last
    """

    parts: dict[str, float]
    rss: int
    windows: int
    batches: int
    wall: float
    stages: dict[str, tuple[float, float]]
    files: int
    sessions: int
    engine_pid: int
    loop_p99_ms: float

    def since(self, before: "ServerUsage") -> "ServerUsage":
        """The difference to an earlier usage, memory included."""
        return ServerUsage(
            {name: spent - before.parts[name] for name, spent in self.parts.items()},
            self.rss - before.rss,
            self.windows - before.windows,
            self.batches - before.batches,
            self.wall - before.wall,
            self.stages,
            self.files,
            self.sessions,
            self.engine_pid,
            self.loop_p99_ms,
        )


def processor_s(pid: int) -> float:
    """Processor time of a process so far, in seconds."""
    with open(f"/proc/{pid}/stat") as file:
        user, system = file.read().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


class MeasuredServer:
    """A server process; `with MeasuredServer.running(ModelRequest(model="small")) as server: ...`."""

    def __init__(self, process: "subprocess.Popen[str]", url: str) -> None:
        self._process, self.url = process, url

    @classmethod
    @contextmanager
    def running(cls, model: ModelRequest) -> Iterator["MeasuredServer"]:
        """Start the server, and end it with the block. EmoscopeError when it does not start."""
        process = subprocess.Popen(  # noqa: S603 - this interpreter, this package
            [sys.executable, "-m", "emoscope.streamer.bench.server_main", msgspec.json.encode(model).decode()],
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

    def usage(self) -> ServerUsage:
        """What the process has used so far."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write("\n")
            self._process.stdin.flush()
            answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        except (OSError, ValueError):
            raise EmoscopeError("the measured server has ended") from None
        return ServerUsage(**answer)


def run_clients(load: ClientLoad) -> ClientTotals:
    """Run clients to their end. EmoscopeError when they fail."""
    done = subprocess.run(_client_command(load), stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise EmoscopeError("the clients ended early; their message is above")
    return ClientTotals(**json.loads(done.stdout))


@contextmanager
def start_clients(load: ClientLoad) -> Iterator["subprocess.Popen[str]"]:
    """Run clients at the same time as the block, which reads their totals, as JSON, from the process's output."""
    process = subprocess.Popen(_client_command(load), stdout=subprocess.PIPE, text=True)  # noqa: S603
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def _client_command(load: ClientLoad) -> list[str]:
    return [sys.executable, "-m", "emoscope.streamer.bench.clients", json.dumps(asdict(load))]
