"""One process that answers for a model, and the pipes to it."""

import contextlib
import fcntl
import os
import select
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Generic, TypeVar

import msgspec

from ..protocol.errors import EmoscopeError, RecordInvalid
from .codec import LENGTHS, Buffer, lengths, pack

PIPE_BYTES = 2**20  # so that a batch takes few turns
MOST_BUFFERS = 512  # in one call; POSIX promises 16, Linux and macOS take 1,024


class Gone(EmoscopeError):
    """This process answers no more; the message says how it ended. `hung`: it did not even end."""

    def __init__(self, message: str, *, hung: bool = False) -> None:
        super().__init__(message)
        self.hung = hung


M = TypeVar("M")


class Process(Generic[M]):
    """Messages to it and from it, one thread at a time.

    command  what runs, for Python
    decode   makes a message out of its two parts
    """

    def __init__(self, command: Sequence[str], decode: Callable[[Buffer, Buffer], M]) -> None:
        self._decode = decode
        # -P: the folder that a user stands in must not lend its modules.
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-P", *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._into, self._out = self._process.stdin, self._process.stdout
        for pipe in (self._into, self._out):
            os.set_blocking(pipe.fileno(), False)
            if hasattr(fcntl, "F_SETPIPE_SZ"):
                with contextlib.suppress(OSError):
                    fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self.pid = self._process.pid

    def send(self, message: msgspec.Struct, within_s: float) -> None:
        """Write one message; Gone when it is not taken."""
        until = time.monotonic() + within_s
        parts: deque[Buffer] = deque(pack(message))
        while parts:
            self._wait(self._into.fileno(), select.POLLOUT, until)
            try:
                taken = os.writev(self._into.fileno(), list(islice(parts, MOST_BUFFERS)))
            except BlockingIOError:
                continue
            except OSError:
                raise Gone(self.how_it_ended()) from None
            while parts and taken >= len(parts[0]):
                taken -= len(parts.popleft())
            if taken:
                parts[0] = memoryview(parts[0])[taken:]

    def receive(self, within_s: float | None) -> M:
        """The next message; Gone when none comes."""
        until = None if within_s is None else time.monotonic() + within_s
        try:
            head, body = lengths(self._read(LENGTHS.size, until))
            return self._decode(self._read(head, until), self._read(body, until))
        except RecordInvalid as error:
            raise Gone(str(error)) from None

    def _read(self, count: int, until: float | None) -> memoryview:
        whole = memoryview(bytearray(count))
        done = 0
        while done < count:
            self._wait(self._out.fileno(), select.POLLIN, until)
            try:
                got = os.readv(self._out.fileno(), [whole[done:]])
            except BlockingIOError:
                continue
            if not got:
                raise Gone(self.how_it_ended())
            done += got
        return whole

    def _wait(self, pipe: int, what: int, until: float | None) -> None:
        poll = select.poll()
        poll.register(pipe, what)
        if not poll.poll(None if until is None else max(0.0, until - time.monotonic()) * 1e3):
            raise Gone("the engine's process hangs", hung=True)

    def how_it_ended(self) -> str:
        """In words. It has closed its pipe, so it ends, if it did not already."""
        self.kill()
        code = self._process.wait()
        if code == -signal.SIGKILL:
            return "the engine's process was killed (signal 9): by hand, or for want of memory"
        how = f"signal {-code}" if code < 0 else f"exit code {code}; see its lines above"
        return f"the engine's process ended ({how})"

    def kill(self) -> None:
        """End it, whatever it is doing."""
        self._process.kill()

    def wait(self) -> None:
        """Until it has ended."""
        self._process.wait()

    def close(self) -> None:
        """End it, and let its pipes go."""
        self.kill()
        self.wait()
        for pipe in (self._into, self._out):
            with contextlib.suppress(OSError):
                pipe.close()
