"""A worker that is started, asked, timed out, killed and started again, and that never stays behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from odd_worker import EchoLoaded, EchoRequest, exited, odd_echo
from waiting import wait_until

from emoscope.streamer.protocol.errors import RecordInvalid
from emoscope.streamer.worker import WorkerExited, WorkerState, WorkerUnavailable, backoff
from emoscope.streamer.worker import process as process_module
from emoscope.streamer.worker import supervised as supervised_module

SAMPLES = np.arange(3, dtype=np.float32)
LARGE = np.arange(2**20, dtype=np.float32)
LONG_S = 100.0  # no test waits for it


def test_a_worker_loads_and_then_answers_one_request_after_the_other() -> None:
    with_large = [SAMPLES, LARGE, SAMPLES[:0]]
    worker = odd_echo("fine")
    assert worker.check() == EchoLoaded("hello") == worker.loaded
    ready: WorkerState = worker.state
    assert ready is WorkerState.READY and worker.failure == worker.last_exit == ""
    for samples in with_large:
        assert (worker.ask(EchoRequest(samples), LONG_S).samples == samples).all()
    assert worker.pid not in (0, os.getpid())
    worker.close()
    assert worker.state is WorkerState.CLOSED and exited(worker.pid)


def test_requests_of_many_threads_get_their_own_responses() -> None:
    worker, got = odd_echo("fine"), {}

    def ask(number: int) -> None:
        got[number] = [float(worker.ask(EchoRequest(np.full(5, number, np.float32)), LONG_S).samples[0])] * 5

    asking = [Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    worker.close()
    assert got == {number: [float(number)] * 5 for number in range(8)}


BREAKS = [
    ("dies", "ended (signal 11)"),
    ("hangs", "timed out: no response within 0.5 s"),
    ("computes for ever", "timed out"),
    ("raises", "ended (exit code 1"),
    ("garbage", "longer than"),
    ("closes its connection", "closed its connection"),
]


@pytest.mark.parametrize(("how", "message"), BREAKS)
def test_a_process_that_breaks_fails_its_request_and_another_one_answers_the_next(
    how: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if how == "closes its connection":  # it does not end by itself
        monkeypatch.setattr(process_module, "EXIT_TIMEOUT_S", 2.0)
    changes: list[str] = []
    worker = odd_echo(how, on_change=changes.append)
    worker.check()
    first = worker.pid
    timeout_s = 0.5 if message.startswith("timed out") else LONG_S
    with pytest.raises(WorkerExited) as raised:
        worker.ask(EchoRequest(SAMPLES, misbehave=True), timeout_s)
    assert message in str(raised.value) and raised.value.timed_out == message.startswith("timed out")
    assert (worker.ask(EchoRequest(SAMPLES), LONG_S).samples == SAMPLES).all()
    assert worker.pid != first and exited(first)
    assert worker.last_exit == str(raised.value) and changes == [str(raised.value), ""]
    worker.close()


def test_a_process_that_stops_reading_is_timed_out_too() -> None:
    """The message is larger than what the system takes without a reader."""
    worker = odd_echo("fine")
    worker.check()
    os.kill(worker.pid, signal.SIGSTOP)
    with pytest.raises(WorkerExited, match="timed out"):
        worker.ask(EchoRequest(LARGE), 0.3)
    assert (worker.ask(EchoRequest(LARGE), LONG_S).samples == LARGE).all()
    worker.close()


def test_a_process_that_is_killed_while_nobody_asks_is_replaced() -> None:
    worker = odd_echo("fine")
    worker.check()
    first = worker.pid
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: worker.pid != first and not worker.failure)
    assert worker.last_exit == "the echo was killed (signal 9), by hand or for lack of memory"
    worker.close()


def test_a_response_of_the_wrong_type_is_refused() -> None:
    worker = odd_echo("wrong type")
    with pytest.raises(WorkerExited, match="sent a EchoLoaded"):
        worker.ask(EchoRequest(SAMPLES), LONG_S)
    worker.close()


def test_a_request_that_is_too_large_is_refused_and_the_process_stays() -> None:
    worker = odd_echo("fine")
    worker.check()
    first = worker.pid
    with pytest.raises(RecordInvalid, match="32 MB are allowed"):
        worker.ask(EchoRequest(np.zeros(2**23 + 1, np.float32)), LONG_S)
    worker.ask(EchoRequest(SAMPLES), LONG_S)
    assert worker.pid == first
    worker.close()


def test_whatever_a_library_prints_the_messages_are_whole(capfd: pytest.CaptureFixture[str]) -> None:
    worker = odd_echo("chatters")
    for _ in range(3):
        assert (worker.ask(EchoRequest(SAMPLES, misbehave=True), LONG_S).samples == SAMPLES).all()
    worker.close()
    out, err = capfd.readouterr()
    assert out == "" and err.count("a library talks") == err.count("and its native part too") == 3
    quiet = odd_echo("chatters", quiet=True)
    quiet.ask(EchoRequest(SAMPLES, misbehave=True), LONG_S)
    quiet.close()
    assert capfd.readouterr() == ("", "")


LOADS = [
    ("dies loading", "was killed (signal 9)", False),
    ("unknown", "there is no model 'fake'", True),
    ("hangs loading", "timed out: it was not loaded within 0.5 s", False),
]


@pytest.mark.parametrize(("how", "message", "usage"), LOADS)
def test_a_worker_that_cannot_load_is_unavailable_and_not_started_again(how: str, message: str, usage: bool) -> None:
    worker = odd_echo(how, load_timeout_s=0.5 if how == "hangs loading" else None)
    with pytest.raises(WorkerUnavailable) as raised:
        worker.check()
    assert message in str(raised.value) and raised.value.usage == usage
    first = worker.pid
    with pytest.raises(WorkerUnavailable):
        worker.ask(EchoRequest(SAMPLES), LONG_S)
    assert exited(first) and worker.pid == first and worker.state is WorkerState.UNAVAILABLE
    worker.close()


def test_where_it_is_asked_for_a_process_that_is_killed_while_it_loads_is_followed_by_another_one(
    tmp_path: Path,
) -> None:
    marker, changes = tmp_path / "cannot load", list[str]()
    marker.touch()
    worker = odd_echo("dies loading while marked", marker, first_loads=5, on_change=changes.append)
    wait_until(lambda: worker.pid != 0)
    first = worker.pid
    wait_until(lambda: worker.pid != first)
    assert worker.state is WorkerState.LOADING and worker.failure == "the echo is being loaded"
    marker.unlink()
    assert worker.check() == EchoLoaded("hello") and changes == []
    worker.close()


def test_a_first_process_that_finds_no_memory_for_its_thread_is_followed_by_another_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    starts: list[Thread] = []

    def no_room_once(*arguments: Any, **options: Any) -> Thread:
        starts.append(Thread(*arguments, **options))
        return no_room() if len(starts) == 1 else starts[-1]

    monkeypatch.setattr(process_module, "Thread", no_room_once)
    worker = odd_echo("fine", first_loads=2)
    assert worker.check() == EchoLoaded("hello") and len(starts) == 2
    worker.close()


def test_after_so_many_processes_that_were_killed_while_they_loaded_the_worker_is_unavailable(tmp_path: Path) -> None:
    worker = odd_echo("dies loading", first_loads=2)
    wait_until(lambda: worker.pid != 0)
    first = worker.pid
    with pytest.raises(WorkerUnavailable, match="signal 9"):
        worker.check()
    assert worker.pid != first and exited(worker.pid) and worker.state is WorkerState.UNAVAILABLE
    worker.close()


def no_room(*arguments: object, **options: object) -> Thread:
    """What a thread's start says where its stack has no room."""
    raise RuntimeError("can't start new thread")


@pytest.mark.parametrize("module", [process_module, supervised_module])
def test_a_worker_goes_on_after_a_moment_without_memory_for_a_thread(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its supervisor lives on: else nothing would start a process for the rest of the parent's life."""
    worker = odd_echo("fine")
    worker.check()
    with monkeypatch.context() as patched:
        patched.setattr(module, "Thread", no_room)
        os.kill(worker.pid, signal.SIGKILL)
        wait_until(lambda: "cannot be started: can't start new thread" in worker.failure)
        assert exited(worker.pid)
    wait_until(lambda: not worker.failure)
    assert (worker.ask(EchoRequest(SAMPLES), LONG_S).samples == SAMPLES).all()
    worker.close()


def test_an_answer_that_could_not_be_received_is_not_taken_for_the_answer_to_the_next_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where there was no memory for it, it would still be on its way."""
    worker = odd_echo("fine")
    worker.check()
    first = worker.pid

    def no_memory(channel: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(process_module.Channel, "receive", no_memory)
        with pytest.raises(WorkerExited, match="its messages were lost"):
            worker.ask(EchoRequest(LARGE), LONG_S)
    assert (worker.ask(EchoRequest(SAMPLES), LONG_S).samples == SAMPLES).all()
    assert exited(first) and worker.pid != first
    worker.close()


def test_a_process_that_cannot_be_started_makes_the_worker_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    worker = odd_echo("fine")
    with pytest.raises(WorkerUnavailable, match="the echo cannot be started: No such file"):
        worker.check()
    worker.close()


def test_requests_wait_for_a_restart_but_not_where_loading_again_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loading is tried again until it succeeds."""
    monkeypatch.setattr(backoff, "BACKOFF_S", (0.0, 0.1))
    marker = tmp_path / "cannot load"
    worker = odd_echo("dies loading while marked", marker)
    worker.check()
    marker.touch()
    os.kill(worker.pid, signal.SIGKILL)
    wait_until(lambda: bool(worker.failure))
    with pytest.raises(WorkerUnavailable, match="signal 9"):
        worker.ask(EchoRequest(SAMPLES), LONG_S)
    assert worker.state is WorkerState.RESTARTING
    marker.unlink()
    wait_until(lambda: not worker.failure)
    worker.ask(EchoRequest(SAMPLES), LONG_S)
    worker.close()


def test_requests_wait_where_the_next_process_is_killed_while_it_loads(tmp_path: Path) -> None:
    """A machine that is short of memory may kill two in a row, and no session may be lost by that."""
    marker = tmp_path / "cannot load"
    worker = odd_echo("dies loading while marked", marker)
    worker.check()
    first = worker.pid
    marker.touch()
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: worker.pid != first)
    second = worker.pid
    assert exited(second)
    marker.unlink()
    assert (worker.ask(EchoRequest(SAMPLES), LONG_S).samples == SAMPLES).all()
    assert worker.pid not in (first, second)
    worker.close()


@pytest.mark.parametrize("broken", ["on_change", "reload"])
def test_a_call_that_raises_once_ends_no_supervision(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "BACKOFF_S", (0.0, 0.1))
    raised: list[str] = []

    def raises_once(*arguments: object) -> object:
        if not raised:
            raised.append(broken)
            raise MemoryError
        return arguments[0]

    calls: dict[str, Any] = {broken: raises_once}
    worker = odd_echo("fine", **calls)
    worker.check()
    for _ in range(2):
        before = worker.pid
        os.kill(before, signal.SIGKILL)
        wait_until(lambda before=before: worker.pid not in (0, before) and not worker.failure)  # type: ignore[misc]
    assert raised == [broken] and (worker.ask(EchoRequest(SAMPLES), LONG_S).samples == SAMPLES).all()
    worker.close()


def test_an_interrupted_request_leaves_no_answer_for_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl+C in a notebook comes in the middle of a request."""
    worker = odd_echo("fine")
    worker.check()

    def interrupted(channel: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(process_module.Channel, "receive", interrupted)
        with pytest.raises(KeyboardInterrupt):
            worker.ask(EchoRequest(LARGE), LONG_S)
    assert (worker.ask(EchoRequest(SAMPLES), LONG_S).samples == SAMPLES).all()
    worker.close()


def test_requests_do_not_wait_for_a_restart_where_they_shall_not(tmp_path: Path) -> None:
    marker = tmp_path / "cannot load"
    worker = odd_echo("dies loading while marked", marker, restart_wait_s=0.0)
    worker.check()
    marker.touch()
    os.kill(worker.pid, signal.SIGSTOP)
    with pytest.raises(WorkerExited, match="timed out"):
        worker.ask(EchoRequest(LARGE), 0.3)
    with pytest.raises(WorkerUnavailable, match=r"timed out|signal 9"):
        worker.ask(EchoRequest(SAMPLES), LONG_S)
    worker.close()


@pytest.mark.parametrize("how", ["hangs", "computes for ever", "hangs loading"])
def test_closing_ends_a_process_whatever_it_is_doing(how: str, tmp_path: Path) -> None:
    marker = tmp_path / "it hangs"
    worker = odd_echo(how, marker)
    errors: list[str] = []

    def ask() -> None:
        try:
            worker.ask(EchoRequest(SAMPLES, misbehave=True), LONG_S)
        except (WorkerExited, WorkerUnavailable) as error:
            errors.append(str(error))

    asking = Thread(target=ask)
    asking.start()
    wait_until(marker.exists)
    worker.close()
    asking.join()
    assert errors == ["the echo was closed"] and exited(worker.pid)
    worker.close()  # again, which changes nothing
    with pytest.raises(WorkerUnavailable, match="the echo was closed"):
        worker.ask(EchoRequest(SAMPLES), LONG_S)


@pytest.mark.parametrize("how", ["fine", "hangs", "computes for ever", "hangs loading", "keeps the lock"])
def test_no_process_is_left_when_the_parent_is_killed(how: str, tmp_path: Path) -> None:
    """Its script has no `if __name__` either: the process does not import the parent's `__main__`."""
    marker = tmp_path / "it hangs"
    script = (
        "import sys, time; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "from threading import Thread\n"
        "from odd_worker import EchoRequest, odd_echo\n"
        "from waiting import wait_until\n"
        "how, marker = sys.argv[2], Path(sys.argv[3])\n"
        "worker = odd_echo(how, marker)\n"
        "import numpy\n"
        "samples = numpy.zeros(1, numpy.float32)\n"
        "Thread(target=lambda: worker.ask(EchoRequest(samples, how != 'fine'), 1000.0), daemon=True).start()\n"
        "wait_until(worker.wait_loaded if how == 'fine' else marker.exists)\n"
        "print(worker.pid, flush=True)\n"
        "time.sleep(1000)\n"
    )
    tests = str(Path(__file__).parents[2])
    command = [sys.executable, "-c", script, tests, how, str(marker)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    assert exited(pid)


def test_the_current_folder_lends_no_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "msgspec.py").write_text("raise SystemExit('this is not msgspec')")
    monkeypatch.chdir(tmp_path)
    worker = odd_echo("fine")
    assert worker.check() == EchoLoaded("hello")
    worker.close()


def test_signals_to_all_processes_of_a_terminal_do_not_end_a_worker() -> None:
    """Ctrl+C and `systemctl stop`: the parent finishes first, with its workers."""
    worker = odd_echo("fine")
    worker.check()
    first = worker.pid
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(first, number)
    assert (worker.ask(EchoRequest(SAMPLES), LONG_S).samples == SAMPLES).all()
    assert worker.pid == first and worker.last_exit == ""
    worker.close()


def test_a_worker_reports_loading_until_it_is_loaded(tmp_path: Path) -> None:
    marker = tmp_path / "it hangs"
    worker = odd_echo("hangs loading", marker)
    wait_until(marker.exists)
    assert not worker.wait_loaded(0.0) and worker.state is WorkerState.LOADING
    assert worker.failure == "the echo is being loaded" and worker.loaded is None
    worker.close()
