"""Real workers that misbehave, and their parents' side: `python odd_worker.py KIND HOW MARKER CHANNEL`.

KIND    whose messages it speaks: echo, engine or recognizer
HOW     what it does, see `misbehave` and `misbehave_loading`
MARKER  a file that it writes when it begins to hang, so that a test knows, or that it waits for; "" for none
"""

import os
import signal
import socket
import sys
import time
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from emoscope.streamer.protocol.errors import UsageError
from emoscope.streamer.worker import Messages, SupervisedWorker, failures
from emoscope.streamer.worker.child import run

LOUD = 0.9


def odd_worker(kind: str, how: str, marker: Path | None = None) -> tuple[str, ...]:
    """The command of such a worker."""
    return (__file__, kind, how, str(marker or ""))


def odd_engine(how: str, marker: Path | None = None, **options):
    """An engine that misbehaves where a window is louder than `LOUD`."""
    from emoscope.streamer.engine import EngineProcess, ModelRequest

    return EngineProcess(ModelRequest(model="fake"), command=odd_worker("engine", how, marker), **options)


def odd_recognizer(how: str, marker: Path | None = None, **options):
    """A recognizer that misbehaves in each pass; else it recognises the word "yes"."""
    from emoscope.streamer.asr import Choice, Recognizer

    return Recognizer(Choice(name="pocketsphinx"), command=odd_worker("recognizer", how, marker), **options)


class EchoLoad(msgspec.Struct, frozen=True, tag=True):
    text: str = ""


class EchoLoaded(msgspec.Struct, frozen=True, tag=True):
    text: str


class EchoRequest(msgspec.Struct, frozen=True, tag=True):
    samples: npt.NDArray[np.float32]
    misbehave: bool = False


class EchoResponse(msgspec.Struct, frozen=True, tag=True):
    samples: npt.NDArray[np.float32]


ECHO = Messages(
    load=EchoLoad, loaded=EchoLoaded, request=EchoRequest, response=EchoResponse, max_bytes=32 * 2**20
)  # fmt: skip


def odd_echo(how: str, marker: Path | None = None, **options) -> SupervisedWorker:
    """A worker that returns what it is sent, and misbehaves where it is told to."""
    defaults = {"name": "the echo", "load_timeout_s": None, "reload_timeout_s": 600.0, "restart_wait_s": 60.0}
    return SupervisedWorker(odd_worker("echo", how, marker), ECHO, EchoLoad("hello"), **(defaults | options))


def exited(pid: int) -> bool:
    """True once a process has ended and left no zombie, or one that is not ours to reap; else AssertionError."""
    from waiting import wait_until  # the worker itself cannot import it

    wait_until(lambda: _is_gone(pid))
    return True


def _is_gone(pid: int) -> bool:
    try:
        state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state in "ZX" and int(parent) != os.getpid()


def misbehave(how: str, marker: str) -> None:
    """In a request."""
    if how == "hangs" or (how == "hangs once" and not Path(marker).exists()):
        _mark(marker)
        time.sleep(3600)
    if how == "computes for ever":
        _mark(marker)
        while True:
            pass
    if how == "keeps the lock":
        _mark(marker)
        sum(range(10**12))  # in C from beginning to end: no other thread runs meanwhile
    if how == "dies":
        os.kill(os.getpid(), signal.SIGSEGV)
    if how == "raises" or (how == "raises while marked" and Path(marker).exists()):
        raise MemoryError("no room for the batch")
    if how.endswith("late"):
        time.sleep(2.0)
    if how == "waits for its marker":
        while not Path(marker).exists():
            time.sleep(0.01)
    if how == "garbage":
        os.write(int(sys.argv[-1]), b"this is no message of ours")
        time.sleep(3600)
    if how == "closes its connection":
        with socket.socket(fileno=os.dup(int(sys.argv[-1]))) as ours:
            ours.shutdown(socket.SHUT_WR)
            time.sleep(3600)
    if how == "chatters":
        print("a library talks", flush=True)
        os.write(1, b"and its native part too\n")


def misbehave_loading(how: str, marker: str) -> None:
    """While it loads."""
    if how == "hangs loading":
        _mark(marker)
        time.sleep(3600)
    if how == "dies loading" or (how.startswith("dies loading while marked") and Path(marker).exists()):
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "unknown":
        raise UsageError("there is no model 'fake'")


def _mark(marker: str) -> None:
    if marker:
        Path(marker).touch()


def _echo(how: str, marker: str):
    class Echo:
        messages = ECHO

        def load(self, load):
            misbehave_loading(how, marker)
            return EchoLoaded(load.text)

        def answer(self, request):
            if request.misbehave:
                misbehave(how, marker)
            if how == "wrong type":
                return EchoLoaded("this is no response")
            return EchoResponse(request.samples)

    return Echo()


def _engine(how: str, marker: str):
    from emoscope.streamer.engine.messages import ModelLoaded
    from emoscope.streamer.engine.service import EngineService
    from emoscope.streamer.session.requests import DetectVoice, Encode
    from emoscope.streamer.testing import CONTRACT, FakeEngine

    class OddEngine(FakeEngine):
        def __call__(self, requests):
            if how == "chatters" or any(isinstance(one, Encode) and np.abs(one.audio).max() > LOUD for one in requests):
                misbehave(how, marker)
            return super().__call__(requests)

    class WithoutDetector(FakeEngine):
        """As engines were before voices were asked for: it answers what it knows, and nothing else."""

        def __call__(self, requests):
            return super().__call__([one for one in requests if not isinstance(one, DetectVoice)])

    class Odd(EngineService):
        def load(self, load):
            misbehave_loading(how, marker)
            self._engine = WithoutDetector() if how == "has no detector" else OddEngine()
            return ModelLoaded(contract=CONTRACT, model=load.model, batch=16, window_s=0.01)

    return Odd()


def _recognizer(how: str, marker: str):
    from emoscope.streamer.asr import service
    from emoscope.streamer.session.transcript.hypothesis import Hypothesis, RecognizedSegment, SpokenWord

    class OddBackend:
        name, languages = "odd", ("en",) if how == "english" else ()

        def transcribe(self, audio, language, final):
            misbehave(how, marker)
            word = SpokenWord(word="yes", start=0.0, end=len(audio) / 16_000, p=0.9)
            return Hypothesis(segments=(RecognizedSegment(words=(word,)),), language="en", language_p=0.9)

    def load_backend(load):
        misbehave_loading(how, marker)
        return OddBackend()

    service.load_backend = load_backend
    return service.RecognizerService()


if __name__ == "__main__":
    KIND, HOW, MARKER = sys.argv[1:4]
    failures.LASTING_S = 0.0  # no test waits for it
    run({"echo": _echo, "engine": _engine, "recognizer": _recognizer}[KIND](HOW, MARKER))
