"""A server as it is deployed, `emoscope serve` with Redis beside it, that a test may break and that is put up again."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from threading import Thread

from ..protocol.errors import EmoscopeError, UsageError
from ..protocol.messages import PATH
from . import process_facts

START_S, STOP_S = 120.0, 20.0
POLL_S = 0.02
LOG_LINES = 40
RECOGNIZER = "pocketsphinx"


class Redis:
    """A Redis of our own behind a socket file, which keeps nothing when it ends."""

    def __init__(self, folder: Path) -> None:
        """UsageError without the program or the package."""
        self._program = which("redis-server")
        if self._program is None or find_spec("redis") is None:
            raise UsageError(
                "this needs redis-server (Debian `apt install redis-server`) and the package redis "
                "(pip install 'emoscope[redis]')"
            )
        self._path = folder / "redis.sock"
        self.url = f"unix://{self._path}"
        self.start()

    def start(self) -> None:
        """Start it, also after it was killed; it answers when this returns."""
        self._path.unlink(missing_ok=True)
        command = [str(self._program), "--port", "0", "--unixsocket", str(self._path), "--save", "", "--appendonly",
                   "no"]  # fmt: skip
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - a fixed command line
        _until(self._accepts, "redis-server did not start")

    @property
    def pid(self) -> int:
        """Of its process."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether its process is there."""
        return self._process.poll() is None

    @property
    def connections(self) -> int:
        """Connections that others have open."""
        from redis import Redis as Connected

        with Connected(unix_socket_path=str(self._path)) as asking:
            return int(asking.info("clients")["connected_clients"]) - 1

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()

    def _accepts(self) -> bool:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self._path))
            return True
        return False


class ServeProcess:
    """`emoscope serve` on a port of its own, in a session of processes of its own.

    runner   what Python runs as `emoscope`
    options  more of the command's
    words    whether it has a recognizer, where one is installed
    start_s  how long it may take until it is ready
    stop_s   how long it may take to end, before it is killed
    log      its newest lines
    """

    def __init__(
        self,
        model: str,
        store: str,
        runner: Sequence[str] = ("-m", "emoscope.streamer.cli"),
        *,
        options: Sequence[str] = (),
        words: bool = True,
        start_s: float = START_S,
        stop_s: float = STOP_S,
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port: int = free.getsockname()[1]
        recognizer = RECOGNIZER if words and find_spec(RECOGNIZER) is not None else "none"
        self._command = [sys.executable, *runner, "serve", "--port", str(self._port), "--store",
                         store, "--model", model, "--asr", recognizer, *options]  # fmt: skip
        self.has_recognizer, self._stop_s = recognizer != "none", stop_s
        self.log: list[str] = []
        self.start()
        try:
            self.wait_ready(start_s)
        except BaseException:
            self.close()
            raise

    @property
    def url(self) -> str:
        """Where clients connect, also after a restart."""
        return f"ws://127.0.0.1:{self._port}{PATH}"

    @property
    def pid(self) -> int:
        """Of the server's process."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether its process is there."""
        return self._process.poll() is None

    def start(self) -> None:
        """Start it, also after it was killed."""
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter, this package
            self._command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, "EMOSCOPE_CONFIG": ""},
        )
        Thread(target=self._read_log, args=(self._process,), daemon=True).start()

    def wait_ready(self, within_s: float) -> float:
        """Until the model and the store answer; how long that took. EmoscopeError when it takes longer."""
        return _until(self.ready, f"the server is not ready: {' '.join(self.log[-3:])}", within_s)

    def ready(self) -> bool:
        """Whether the server says that it is ready."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/readyz", timeout=5) as answer:
                return bool(json.load(answer)["status"] == "ready")
        except (OSError, urllib.error.HTTPError, ValueError):
            return False

    def worker(self, module: str) -> int:
        """The process of a worker, such as the engine's; 0 while there is none."""
        for pid in process_facts.descendants(self.pid):
            if module in process_facts.arguments(pid):
                return pid
        return 0

    def workers(self) -> list[int]:
        """The processes below the server."""
        return process_facts.descendants(self.pid)

    def close(self) -> None:
        """End it as systemd would, and at once where that takes too long."""
        self._process.send_signal(signal.SIGCONT)
        self._process.terminate()
        try:
            self._process.wait(self._stop_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _read_log(self, process: "subprocess.Popen[str]") -> None:
        assert process.stderr is not None
        for line in process.stderr:
            self.log.append(line.strip())
            del self.log[:-LOG_LINES]


@contextmanager
def deployed(model: str) -> Iterator[tuple[ServeProcess, Redis]]:
    """A server and its Redis, for as long as the block lasts."""
    with tempfile.TemporaryDirectory() as folder:
        redis = Redis(Path(folder))
        try:
            server = ServeProcess(model, redis.url)
            try:
                yield server, redis
            finally:
                server.close()
        finally:
            redis.close()


def _until(holds: Callable[[], bool], failure: str, within_s: float = START_S) -> float:
    """Wait until a condition holds; the seconds that this took. EmoscopeError when it takes longer."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > within_s:
            raise EmoscopeError(failure)
        time.sleep(POLL_S)
    return time.monotonic() - began
