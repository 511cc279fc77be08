"""A TCP proxy that is as bad as a network can be, on purpose: it delays, cuts, half-closes, stalls and swallows.

Faults are of the bytes alone: it knows nothing of websockets. Each connection is judged by the number of bytes that
went through it, so that a cut falls inside a frame as easily as between two.
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
    """What happens to one connection.

    up_after, down_after  bytes to the server or to the client after which it ends; None: never
    ending   reset: at once, as when a cable's other end goes away; close: an orderly end of both directions in the
             middle of whatever was said; half: the one direction ends, the other stays; black hole: both stay open and
             nothing goes through
    delay_s  of each chunk, in each direction
    jitter_s added to it, at random
    rate     bytes a second to the client: a slow reader; None: all that comes
    """

    up_after: int | None = None
    down_after: int | None = None
    ending: Ending = "reset"
    delay_s: float = 0.0
    jitter_s: float = 0.0
    rate: float | None = None


@dataclass
class TcpProxy:
    """`faults` says what each connection suffers, by its number; those after the last suffer nothing."""

    target: int
    faults: list[Faults] = field(default_factory=list)
    connections: int = 0
    refusing: bool = False
    deaf_before: int = 0
    _open: list[socket.socket] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._start(self._accept)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Reset all connections now."""
        for one in self._open:
            _reset(one)
        self._open.clear()

    def deafen(self) -> None:
        """Swallow what comes from the clients of the connections that are open now; what goes down still does."""
        self.deaf_before = self.connections

    def close(self) -> None:
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
        passed, chance = 0, random.Random(7)
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK if rate is None else 256):
                if number is not None and number < self.deaf_before:
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
                while source.recv(CHUNK):  # what comes after goes nowhere
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
    """A proxy before a server, until the block is left."""
    proxy = TcpProxy(port, faults or [])
    try:
        yield proxy
    finally:
        proxy.close()
