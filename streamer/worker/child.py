"""The main loop of a worker's process: load once, then answer one request after the other.

A worker's module ends with `run(Service())` under `if __name__ == "__main__"`; `WorkerProcess` starts it with
`python -P -m MODULE CHANNEL`. `CHANNEL` is the number of an inherited connection, which nothing else in the process
knows of: whatever a library prints cannot get between two messages.
"""

import contextlib
import os
import signal
import sys
import traceback
from queue import SimpleQueue
from threading import Thread
from typing import NoReturn, Protocol

from ..protocol.errors import EmoscopeError, RecordInvalid, UsageError
from ..protocol.text import clean_lines
from .channel import Channel, connection_of
from .failures import ServiceBroken
from .lifeline import end_with_parent
from .messages import LoadedT, LoadFailed, LoadT, Messages, RequestT, ResponseT

# All processes of a terminal or of a service get these; the parent closes its workers when it has finished.
IGNORED_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
MAX_ERROR_CHARACTERS = 300


class Service(Protocol[LoadT, LoadedT, RequestT, ResponseT]):
    """What a worker does."""

    messages: Messages[LoadT, LoadedT, RequestT, ResponseT]

    def load(self, load: LoadT) -> LoadedT:
        """Load what the parent asks for. Any exception is reported to the parent as `LoadFailed`."""

    def answer(self, request: RequestT) -> ResponseT:
        """The response to one request. An exception ends the process: errors of a request belong in its response.

        ServiceBroken ends it without a traceback.
        """


def run(service: Service[LoadT, LoadedT, RequestT, ResponseT]) -> NoReturn:
    """Serve until the parent closes the connection or exits, in whatever way; then end this process."""
    for name in IGNORED_SIGNALS:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    end_with_parent()
    with contextlib.suppress(OSError):
        os.dup2(2, 1)  # what libraries print goes to the log
    channel = Channel(
        connection_of(int(sys.argv[-1])), service.messages.from_worker, service.messages.to_worker, copy=False
    )
    requests: SimpleQueue[LoadT | RequestT] = SimpleQueue()
    Thread(target=_receive, args=(channel, requests), name="emoscope worker channel", daemon=True).start()
    code = 0
    try:
        _serve(service, channel, requests)
    except (BrokenPipeError, ConnectionError):  # the parent has exited
        pass
    except ServiceBroken as error:
        sys.stderr.write(f"emoscope: {clean_lines(str(error))}\n")
        code = 1
    except BaseException:  # a programming error: the log must show where
        traceback.print_exc()
        code = 1
    _exit(code)


def one_line(error: Exception) -> str:
    """An error as one line of limited length."""
    text = " ".join(str(error).split())[:MAX_ERROR_CHARACTERS]
    if isinstance(error, EmoscopeError) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _serve(
    service: Service[LoadT, LoadedT, RequestT, ResponseT],
    channel: Channel[LoadedT | LoadFailed | ResponseT, LoadT | RequestT],
    requests: "SimpleQueue[LoadT | RequestT]",
) -> None:
    load = requests.get()
    assert isinstance(load, service.messages.load)
    try:
        loaded = service.load(load)
    except Exception as error:  # whatever a library or a device does wrong is reported
        usage, again = isinstance(error, UsageError), isinstance(error, MemoryError)
        channel.send(LoadFailed(message=one_line(error), usage=usage, again=again))
        return
    channel.send(loaded)
    while True:
        request = requests.get()
        assert isinstance(request, service.messages.request)
        channel.send(service.answer(request))


def _receive(
    channel: Channel[LoadedT | LoadFailed | ResponseT, LoadT | RequestT], requests: "SimpleQueue[LoadT | RequestT]"
) -> None:
    """Queue what the parent sends. In its own thread, so that the parent's end also ends a process that computes."""
    try:
        while True:
            requests.put(channel.receive())
    except (EOFError, OSError):
        os._exit(0)
    except RecordInvalid as error:
        sys.stderr.write(f"emoscope: {clean_lines(str(error))}\n")
        _exit(1)
    except BaseException:  # without this thread the process would outlive its parent
        traceback.print_exc()
        _exit(1)


def _exit(code: int) -> NoReturn:
    """End at once: to take a native library down can last, or crash, and nothing here needs it."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.flush()
    os._exit(code)
