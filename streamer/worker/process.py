"""One process of a worker, from its start to its end, and the messages to it.

The connection is a `multiprocessing.connection.Pipe`, of which the process inherits one end: a socket pair on Linux and
macOS, a named pipe on Windows. The process imports neither the parent's `__main__` nor modules of the current folder
(`-P`). Windows has not been tried: what is used there (`STARTUPINFO` with a `handle_list`, `PipeConnection` on an
inherited handle, `TerminateProcess`) is used as Python's documentation says.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from multiprocessing.connection import Pipe
from threading import Event, Thread
from typing import Generic

from ..protocol.errors import EmoscopeError, RecordInvalid
from .channel import Channel
from .lifeline import STDIN
from .messages import LoadedT, LoadFailed, LoadT, Messages, RequestT, ResponseT

EXIT_TIMEOUT_S = 10.0  # for a process that has closed its connection; then it is killed


class WorkerError(EmoscopeError):
    """A worker does not answer: WorkerExited or WorkerUnavailable."""


class WorkerExited(WorkerError):
    """The process ended before it answered; the message says how. `timed_out`: it was killed for taking too long."""

    def __init__(self, message: str, *, timed_out: bool = False) -> None:
        super().__init__(message)
        self.timed_out = timed_out


class WorkerProcess(Generic[LoadT, LoadedT, RequestT, ResponseT]):
    """A process from its start on. A thread waits for its end, so that it never stays behind as a zombie.

    command   what Python runs; the number of the connection is appended
    messages  the types of its messages
    name      how messages call the process, such as "the engine's process"
    quiet     whether its standard error is discarded; else it is the parent's

    OSError if no process can be started; RuntimeError or MemoryError if there is no memory for its thread.
    """

    def __init__(
        self,
        command: Sequence[str],
        messages: Messages[LoadT, LoadedT, RequestT, ResponseT],
        *,
        name: str,
        quiet: bool = False,
    ) -> None:
        self.name = name
        self._quiet = quiet
        self._exited = Event()
        self.kill_reason = ""
        """Why it was killed from here; "" if it was not."""
        self._timed_out = False
        self._overdue_at: float | None = None
        self._timeout_message = ""
        ours, theirs = Pipe()
        try:
            self._process = _start(command, theirs.fileno(), quiet)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self._channel = Channel(ours, messages.to_worker, messages.from_worker, copy=True)
        self.pid = self._process.pid
        try:
            Thread(target=self._reap, name=f"emoscope end of {name}", daemon=True).start()
        except BaseException:  # no room for its stack
            self._process.kill()
            self._reap()
            self.close()
            raise

    def wait_exited(self, timeout_s: float | None = None) -> bool:
        """Wait until the process has ended; False if it has not after `timeout_s`."""
        return self._exited.wait(timeout_s)

    def exchange(
        self, message: LoadT | RequestT, timeout_s: float | None, timeout_message: str
    ) -> LoadedT | LoadFailed | ResponseT:
        """Send a message and wait for the next one from the process; one thread at a time.

        WorkerExited if there is none. `kill_if_overdue` has to be called meanwhile for the timeout to be kept.
        RecordInvalid if the message is too large, and then the process is as well as before.
        """
        frames = self._channel.frames(message)
        self._timeout_message = timeout_message
        self._overdue_at = None if timeout_s is None else time.monotonic() + timeout_s
        try:
            self._channel.send_frames(frames)
            return self._channel.receive()
        except (EOFError, OSError):
            raise self.exit_error() from None
        except RecordInvalid as error:
            self.kill(f"{self.name} was killed: {error}")
            raise self.exit_error() from None
        except BaseException as error:  # its answer, still on its way, would be taken for that to the next message
            self.kill(f"{self.name} was killed: its messages were lost ({type(error).__name__})")
            if isinstance(error, Exception):  # such as no memory; Ctrl+C goes its way
                raise self.exit_error() from None
            raise
        finally:
            self._overdue_at = None

    def kill_if_overdue(self, now: float) -> None:
        """Kill the process if an exchange has reached its timeout; `now` is `time.monotonic()`.

        A thread that waits in `exchange` cannot do so itself: it may be blocked in the middle of a message.
        """
        overdue_at = self._overdue_at
        if overdue_at is not None and now >= overdue_at and not self.kill_reason:
            self._timed_out = True
            self.kill(self._timeout_message)

    def exit_error(self) -> WorkerExited:
        """How the process ended, in words. It has closed its connection; if it does not exit, it is killed."""
        if not self._exited.wait(EXIT_TIMEOUT_S):
            self.kill(f"{self.name} was killed: it closed its connection")
            self._exited.wait()
        if self.kill_reason:
            return WorkerExited(self.kill_reason, timed_out=self._timed_out)
        return WorkerExited(f"{self.name} {how_it_ended(self._process.returncode, self._quiet)}")

    def kill(self, reason: str) -> None:
        """End the process, whatever it is doing. `reason` is what `exit_error` then says."""
        if not self._exited.is_set():
            self.kill_reason = self.kill_reason or reason
            self._process.kill()

    def close(self) -> None:
        """Let the connection of a process that has ended go. No thread may be in `exchange`."""
        self._channel.close()

    def _reap(self) -> None:
        try:
            self._process.wait()
            if self._process.stdin is not None:
                self._process.stdin.close()
        finally:
            self._exited.set()


def how_it_ended(code: int, quiet: bool = False) -> str:
    """The exit code of a process in words, such as "ended (exit code 1)"."""
    if code < 0:
        if code == -getattr(signal, "SIGKILL", 9):
            return "was killed (signal 9), by hand or for lack of memory"
        return f"ended (signal {-code})"
    return f"ended (exit code {code})" if quiet else f"ended (exit code {code}; see its lines above)"


def _start(command: Sequence[str], handle: int, quiet: bool) -> "subprocess.Popen[bytes]":
    """Start Python with one more handle than standard input, output and error."""
    arguments = [sys.executable, "-P", *command, str(handle)]
    stderr = subprocess.DEVNULL if quiet else None
    if sys.platform == "win32":
        os.set_handle_inheritable(handle, True)
        startup = subprocess.STARTUPINFO(lpAttributeList={"handle_list": [handle]})
        return subprocess.Popen(  # noqa: S603 - our own interpreter and module
            arguments, stdin=STDIN, stdout=subprocess.DEVNULL, stderr=stderr, startupinfo=startup
        )
    return subprocess.Popen(  # noqa: S603 - our own interpreter and module
        arguments, stdin=STDIN, stdout=subprocess.DEVNULL, stderr=stderr, pass_fds=[handle]
    )
