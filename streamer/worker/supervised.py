"""A worker that is supervised: started, asked, timed out, killed, and started again when it broke."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import Enum, auto
from threading import Condition, Lock, Thread
from typing import Generic

from ..protocol.errors import EmoscopeError
from .backoff import RestartBackoff
from .child import one_line
from .messages import LoadedT, LoadFailed, LoadT, Messages, RequestT, ResponseT
from .process import WorkerError, WorkerExited, WorkerProcess

WATCH_S = 0.25  # how exactly timeouts are kept
LOADS = 3  # processes in a row that may be killed while they load again, until requests fail without waiting for more


class WorkerState(Enum):
    """What a worker is doing.

    LOADING      its first process is being started and loads
    READY        it answers
    RESTARTING   its process ended, and another is being started or waits for that
    UNAVAILABLE  it could never load; no other process is started
    CLOSED       it was closed
    """

    LOADING = auto()
    READY = auto()
    RESTARTING = auto()
    UNAVAILABLE = auto()
    CLOSED = auto()


class WorkerUnavailable(WorkerError):
    """There is no process: it could not load, is being restarted, or was closed.

    usage  whether it could not load because of how it was asked for
    """

    def __init__(self, message: str, *, usage: bool = False) -> None:
        super().__init__(message)
        self.usage = usage


class SupervisedWorker(Generic[LoadT, LoadedT, RequestT, ResponseT]):
    """A process that loads something once and then answers requests, from any thread, one after the other.

    Loading begins at once. A process that ends, or exceeds a timeout and is killed, fails the request that it had;
    another one is started, after a pause if several in a row did not last.

    command          what Python runs, see `WorkerProcess`
    messages         the types of its messages
    load             the first message to the first process
    name             how messages call the process, such as "the engine's process"
    load_timeout_s   for the first loading; None for no limit
    reload_timeout_s for each later one
    restart_wait_s   for how long a request waits while another process is started
    first_loads      how many processes in a row may be killed while they load, or find no memory, before one was
                     ever loaded, until the worker is unavailable; one that says why it cannot load is the last
    quiet            whether the standard error of the process is discarded
    reload           makes the first message to each later process, from the first one's and from what was loaded
    on_change        called with `failure` when a worker that was loaded breaks and when it is back; in a thread of
                     the worker's
    """

    def __init__(
        self,
        command: Sequence[str],
        messages: Messages[LoadT, LoadedT, RequestT, ResponseT],
        load: LoadT,
        *,
        name: str,
        load_timeout_s: float | None,
        reload_timeout_s: float,
        restart_wait_s: float,
        first_loads: int = 1,
        quiet: bool = False,
        reload: Callable[[LoadT, LoadedT], LoadT] = lambda load, loaded: load,
        on_change: Callable[[str], None] = lambda failure: None,
    ) -> None:
        self._reload = reload
        self._command, self._messages, self._load = tuple(command), messages, load
        self._name, self._quiet, self._on_change = name, quiet, on_change
        self._load_timeout_s, self._reload_timeout_s = load_timeout_s, reload_timeout_s
        self._restart_wait_s, self._first_loads = restart_wait_s, first_loads
        self._loads = 0  # processes in a row that were killed while they loaded
        self._state = WorkerState.LOADING
        self._failure = f"{name} is being loaded"
        self._last_exit = ""
        self._loaded: LoadedT | None = None
        self._usage = False
        self._reload_failed = False  # it is tried again, but no request waits for that
        self._process: WorkerProcess[LoadT, LoadedT, RequestT, ResponseT] | None = None
        self._changed = Condition()
        self._turn = Lock()  # held during an exchange, and while the connection of a process is closed
        self._supervisor = Thread(target=self._supervise, name=f"emoscope supervisor of {name}", daemon=True)
        self._supervisor.start()

    @property
    def state(self) -> WorkerState:
        """What the worker is doing now."""
        return self._state

    @property
    def failure(self) -> str:
        """Why nothing is answered now; "" if all is well."""
        return self._failure

    @property
    def last_exit(self) -> str:
        """Why the last loaded process ended; "" if none did."""
        return self._last_exit

    @property
    def loaded(self) -> LoadedT | None:
        """What the latest loaded process reported; None before."""
        return self._loaded

    @property
    def pid(self) -> int:
        """Of the current process, or the last one; 0 before the first, and where none could be started."""
        process = self._process
        return process.pid if process is not None else 0

    def wait_loaded(self, timeout_s: float | None = None) -> bool:
        """Wait until the first loading is over, successful or not; False if it is not after `timeout_s`."""
        with self._changed:
            return self._changed.wait_for(lambda: self._state is not WorkerState.LOADING, timeout_s)

    def check(self) -> LoadedT:
        """What was loaded; waits for it. WorkerUnavailable if it could not be loaded, or the worker was closed."""
        self.wait_loaded()
        with self._changed:
            if self._loaded is None or self._state is WorkerState.CLOSED:
                raise WorkerUnavailable(self._failure, usage=self._usage)
            return self._loaded

    def ask(self, request: RequestT, timeout_s: float) -> ResponseT:
        """The response to one request.

        WorkerExited if the process ended or took longer than `timeout_s`; WorkerUnavailable if there is no process.
        RecordInvalid if the request is too large.
        """
        while True:
            process = self._ready_process()
            with self._turn:
                if process is not self._process or self._state is not WorkerState.READY:
                    continue  # it ended while another request was answered
                timeout_message = f"{self._name} timed out: no response within {timeout_s:g} s"
                try:
                    response = process.exchange(request, timeout_s, timeout_message)
                    if isinstance(response, self._messages.response):
                        return response
                    process.kill(f"{self._name} was killed: it sent a {type(response).__name__} as a response")
                    raise process.exit_error()
                except WorkerExited as error:
                    self._report_exit(process, str(error))
                    raise
                except BaseException:
                    if process.kill_reason:  # Ctrl+C in the middle of a message: it must not be asked again
                        self._report_exit(process, process.kill_reason)
                    raise

    def close(self) -> None:
        """Kill the process, whatever it is doing, and wait for its end."""
        with self._changed:
            self._state = WorkerState.CLOSED
            self._failure = f"{self._name} was closed"
            if self._process is not None:
                self._process.kill(self._failure)
            self._changed.notify_all()
        self._supervisor.join()

    def _ready_process(self) -> WorkerProcess[LoadT, LoadedT, RequestT, ResponseT]:
        """The process that answers now; WorkerUnavailable if there is none within `restart_wait_s`."""
        self.wait_loaded()
        with self._changed:
            self._changed.wait_for(
                lambda: self._state is not WorkerState.RESTARTING or self._reload_failed, self._restart_wait_s
            )
            if self._state is not WorkerState.READY or self._process is None:
                raise WorkerUnavailable(self._failure, usage=self._usage)
            return self._process

    def _supervise(self) -> None:
        """In its own thread: there is a process until the worker is closed or unavailable.

        No exception ends it, as nothing would be started any more: with no memory left, anything may raise one.
        """
        backoff = RestartBackoff()
        while True:
            began = time.monotonic()
            try:
                self._run_process()
            except Exception as error:  # there is no such program, or no memory for a process or for a thread
                with suppress(Exception):
                    self._abandon(error)
            if self._state in (WorkerState.CLOSED, WorkerState.UNAVAILABLE):
                return
            if self._loaded is not None:
                self._tell(self._failure)
            pause_s = backoff.next_pause_s(time.monotonic() - began)
            try:
                with self._changed:
                    if self._changed.wait_for(lambda: self._state is WorkerState.CLOSED, pause_s):
                        return
            except Exception:  # no memory even for that
                time.sleep(WATCH_S)

    def _run_process(self) -> None:
        """One process from its start to its end. Its timeouts are kept here, its messages wait in other threads."""
        process = WorkerProcess(self._command, self._messages, name=self._name, quiet=self._quiet)
        with self._changed:
            self._process = process
            if self._state is WorkerState.CLOSED:
                process.kill(self._failure)
        loading = Thread(target=self._load_into, args=(process,), name=f"emoscope loading {self._name}", daemon=True)
        loading.start()
        while not process.wait_exited(WATCH_S):
            process.kill_if_overdue(time.monotonic())
        loading.join()
        self._report_exit(process, str(process.exit_error()))
        with self._turn:
            process.close()

    def _abandon(self, error: Exception) -> None:
        """No process could be started, or looked after."""
        reason = f"{self._name} cannot be started: {getattr(error, 'strerror', '') or str(error) or 'no memory'}"
        if self._process is not None:  # its connection is closed with it, once no thread uses it any more
            self._process.kill(reason)
            self._process.wait_exited()
            self._process = None
        self._report_load_failure(reason, again=not isinstance(error, FileNotFoundError | PermissionError))

    def _load_into(self, process: WorkerProcess[LoadT, LoadedT, RequestT, ResponseT]) -> None:
        """In a thread of its own, which leaves the process loaded, or ended."""
        try:
            self._ask_to_load(process)
        except Exception as error:  # such as no memory: nobody else would notice that it was never asked
            reason = f"{self._name} was killed: it could not be asked to load ({one_line(error)})"
            process.kill(reason)
            self._report_load_failure(reason, again=True)

    def _ask_to_load(self, process: WorkerProcess[LoadT, LoadedT, RequestT, ResponseT]) -> None:
        timeout_s = self._load_timeout_s if self._loaded is None else self._reload_timeout_s
        timeout_message = f"{self._name} timed out: it was not loaded within {timeout_s or 0:g} s"
        load = self._load if self._loaded is None else self._reload(self._load, self._loaded)
        try:
            response = process.exchange(load, timeout_s, timeout_message)
        except EmoscopeError as error:
            if process is self._process:
                self._report_load_failure(str(error), again=isinstance(error, WorkerExited) and not error.timed_out)
            return
        if process is not self._process:  # it was abandoned meanwhile, and that was reported
            return
        if isinstance(response, LoadFailed):
            self._report_load_failure(response.message, usage=response.usage, again=response.again)
        elif isinstance(response, self._messages.loaded):
            self._report_loaded(response)
        else:
            process.kill(f"{self._name} was killed: it sent a {type(response).__name__} before it was loaded")
            self._report_load_failure(str(process.exit_error()))

    def _report_loaded(self, loaded: LoadedT) -> None:
        with self._changed:
            first, self._loaded, self._reload_failed, self._loads = self._loaded is None, loaded, False, 0
            if self._state is WorkerState.CLOSED:
                return
            self._state, self._failure = WorkerState.READY, ""
            self._changed.notify_all()
        if not first:
            self._tell("")

    def _tell(self, failure: str) -> None:
        with suppress(Exception):  # whatever becomes of the message, the process is looked after
            self._on_change(failure)

    def _report_load_failure(self, failure: str, *, usage: bool = False, again: bool = False) -> None:
        """The process could not load. If none ever could, no other is started.

        again  the next one may be able to: this one was killed, or had no memory
        """
        with self._changed:
            self._loads += 1
            if self._state is WorkerState.CLOSED:
                return
            if again and self._loads < (self._first_loads if self._loaded is None else LOADS):
                if self._loaded is not None:
                    self._state, self._failure = WorkerState.RESTARTING, failure
                return
            self._failure, self._usage, self._reload_failed = failure, usage, True
            self._state = WorkerState.UNAVAILABLE if self._loaded is None else WorkerState.RESTARTING
            self._changed.notify_all()

    def _report_exit(self, process: WorkerProcess[LoadT, LoadedT, RequestT, ResponseT], failure: str) -> None:
        """A loaded process has ended, or answers no more."""
        with self._changed:
            if self._state is WorkerState.READY and self._process is process:
                self._state = WorkerState.RESTARTING
                self._failure = self._last_exit = failure
                self._changed.notify_all()
