"""A TCP proxy that injects network faults: delays, resets, half-closes, stalls and discarded data.

It knows nothing of websockets. Faults happen after a number of bytes, so that a cut falls inside a frame as easily as
between two frames.
"""

import contextlib
import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

CHUNK = 4_096

Ending = Literal["reset", "close", "half", "black hole"]


@dataclass
class Faults:
    """The faults of one connection.

    up_after, down_after  bytes to the server or to the client after which the connection ends; None: never
    ending    reset: both directions are reset; close: both are closed in order, in the middle of the data; half: one
              direction is closed, the other stays open; black hole: both stay open and transfer nothing
    delay_s   delay of each chunk, in each direction
    jitter_s  random addition to the delay
    rate      bytes per second to the client, for a slow reader; None: unlimited
    """

    up_after: int | None = None
    down_after: int | None = None
    ending: Ending = "reset"
    delay_s: float = 0.0
    jitter_s: float = 0.0
    rate: float | None = None


@dataclass
class TcpProxy:
    """A proxy in front of a server on this machine.

    faults       of each connection, by its number; later connections have none
    refusing     new connections are reset
    deaf_before  data from the clients of connections with a smaller number is discarded
    downlink     data to the clients is held back while this is cleared
    """

    target: int
    faults: list[Faults] = field(default_factory=list)
    connections: int = 0
    refusing: bool = False
    deaf_before: int = 0
    downlink: threading.Event = field(default_factory=threading.Event)
    _open: list[socket.socket] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.downlink.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._start(self._accept)

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"ws://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Reset all connections now."""
        for one in self._open:
            _reset(one)
        self._open.clear()

    def deafen(self) -> None:
        """Discard data from the clients of the connections that are open now; data to the clients still passes."""
        self.deaf_before = self.connections

    def close(self) -> None:
        """Reset all connections, and accept no more."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(2.0)

    def _start(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.refusing:
                _reset(client)
                continue
            number, self.connections = self.connections, self.connections + 1
            faults = self.faults[number] if number < len(self.faults) else Faults()
            server = socket.create_connection(("127.0.0.1", self.target))
            self._open += [client, server]
            self._start(self._pump, client, server, faults, faults.up_after, None, number)
            self._start(self._pump, server, client, faults, faults.down_after, faults.rate, None)

    def _pump(
        self,
        source: socket.socket,
        sink: socket.socket,
        faults: Faults,
        after: int | None,
        rate: float | None,
        number: int | None,
    ) -> None:
        passed, chance = 0, random.Random(7)  # noqa: S311 - jitter
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK if rate is None else 256):
                if number is None:
                    self.downlink.wait()
                elif number < self.deaf_before:
                    continue
                wait_s = faults.delay_s + faults.jitter_s * chance.random()
                if rate is not None:
                    wait_s += len(data) / rate
                if wait_s:
                    time.sleep(wait_s)
                if after is not None and passed + len(data) >= after:
                    sink.sendall(data[: after - passed])
                    self._end(source, sink, faults.ending)
                    return
                sink.sendall(data)
                passed += len(data)
            sink.shutdown(socket.SHUT_WR)

    @staticmethod
    def _end(source: socket.socket, sink: socket.socket, ending: Ending) -> None:
        match ending:
            case "reset":
                _reset(source)
                _reset(sink)
            case "close":
                for one in (sink, source):
                    with contextlib.suppress(OSError):
                        one.shutdown(socket.SHUT_RDWR)
            case "half":
                sink.shutdown(socket.SHUT_WR)
                while source.recv(CHUNK):  # later data is discarded
                    pass
            case "black hole":
                while source.recv(CHUNK):
                    pass


def _reset(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        one.shutdown(socket.SHUT_RDWR)
    one.close()


@contextmanager
def proxied(port: int, faults: list[Faults] | None = None) -> Iterator[TcpProxy]:
    """A proxy in front of a server, closed at the end of the block."""
    proxy = TcpProxy(port, faults or [])
    try:
        yield proxy
    finally:
        proxy.close()
