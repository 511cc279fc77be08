"""A recognizer's process, seen from the session's side: requests in, results out, and no crash gets through."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Sequence
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from types import TracebackType
from typing import Self

from ..protocol.errors import EmoscopeError, RecordInvalid
from ..session.requests import Done, Failed, Request, Result, Transcribe
from .choice import HOW, Choice
from .frames import Ask, Broken, FromWorker, Load, Ready, Said, from_worker, receive, send

LOAD_S = 120.0  # a model that is not there by then (it may be on its way) is given up
PATIENCE_S = 120.0  # a pass that takes longer, beyond what its audio explains, hangs; a busy machine is no hang
TIMES_REAL_TIME = 30.0


class RecognizerUnavailable(EmoscopeError):
    """A recognizer that is not installed, has no model, or broke; the message says what to do."""


class Recognizer:
    """Answers `Transcribe` requests, one after the other, from any thread.

    >>> with Recognizer(Choice(name="pocketsphinx")) as recognizer:    # doctest: +SKIP
    ...     recognizer.check()
    ...     [result] = recognizer([request])

    Loading begins at once, in a process of its own; `check` waits for it. Once broken it stays so: every request
    fails with the reason, in `broken`.

    load_s      how long the loading may take
    patience_s  how long a pass may take beyond what its audio explains
    command     what runs in the worker's place, for Python (tests)
    """

    def __init__(
        self,
        choice: Choice,
        *,
        load_s: float = LOAD_S,
        patience_s: float = PATIENCE_S,
        command: Sequence[str] = ("-m", "emoscope.streamer.asr.worker"),
    ) -> None:
        self.choice, self._load_s, self._patience_s = choice, load_s, patience_s
        self.name = str(choice)
        self.languages: tuple[str, ...] = ()
        self.broken = ""
        self.heard_s = self.busy_s = 0.0
        """Audio in the passes so far, and the wall time they took."""
        self._ready = False
        self._began = time.monotonic()
        self._lock = Lock()
        self._messages: SimpleQueue[FromWorker | None] = SimpleQueue()
        # -P: the folder that a user stands in must not lend its modules.
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-P", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        Thread(target=self._listen, name="emoscope recognizer", daemon=True).start()
        self._send(
            Load(
                backend=choice.name,
                model=choice.model,
                device=choice.device,
                threads=choice.threads,
                fetch=choice.fetch,
            )
        )

    @property
    def pid(self) -> int:
        """Of the process, for whoever measures it."""
        return self._process.pid

    def loaded(self, timeout_s: float = 0.0) -> bool:
        """Wait so long for the loading to end, well or not."""
        with self._lock:
            self._wait(timeout_s)
        return self._ready or bool(self.broken)

    def check(self) -> None:
        """RecognizerUnavailable where it is broken. Waits for the loading."""
        with self._lock:
            self._wait(self._load_s)
        if self.broken:
            raise RecognizerUnavailable(self.broken)

    def hears(self, language: str | None) -> bool:
        """This language may be asked for."""
        return language is None or not self.languages or language in self.languages

    def __call__(self, requests: Sequence[Request]) -> list[Result]:
        """One result for each `Transcribe`."""
        with self._lock:
            self._wait(self._load_s)
            return [self._hear(request) for request in requests if isinstance(request, Transcribe)]

    def close(self) -> None:
        """End the process, whatever it is doing."""
        self.broken = self.broken or "the recognizer is closed"
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _wait(self, timeout_s: float) -> None:
        if self._ready or self.broken:
            return
        limit = self._began + self._load_s - time.monotonic()
        try:
            message = self._messages.get(timeout=max(0.0, min(limit, timeout_s)))
        except Empty:
            if limit <= timeout_s:
                self._break(f"{self.name} was not loaded after {self._load_s:.0f} s")
            return
        if isinstance(message, Ready):
            self._ready, self.name, self.languages = True, message.name, message.languages
        elif isinstance(message, Broken):
            self._break(f"{self.name} cannot be loaded: {message.message}; {HOW}")
        else:
            self._break(self._how_it_ended())

    def _hear(self, request: Transcribe) -> Result:
        if self.broken:
            return Failed(request.id, self.broken)
        seconds = len(request.audio) / 16_000
        audio = request.audio.astype("<i2").tobytes()
        began = time.perf_counter()
        self._send(Ask(id=request.id, audio=audio, language=request.language, final=request.final))
        try:
            message = self._messages.get(timeout=self._patience_s + TIMES_REAL_TIME * seconds)
        except Empty:
            self._break(f"{self.name} hangs: {seconds:.1f} s of speech were not read in {self._patience_s:.0f} s")
            return Failed(request.id, self.broken)
        self.busy_s += time.perf_counter() - began
        self.heard_s += seconds
        if isinstance(message, Said) and message.id == request.id:
            return Done(request.id, message.hypothesis, infer_ms=message.infer_ms)
        if isinstance(message, Broken):
            return Failed(request.id, f"{self.name}: {message.message}")
        self._break(self._how_it_ended())
        return Failed(request.id, self.broken)

    def _send(self, message: Load | Ask) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it has gone: the end of its messages says so
            send(self._process.stdin, message)

    def _listen(self) -> None:
        assert self._process.stdout is not None
        try:
            while (message := receive(self._process.stdout, from_worker)) is not None:
                self._messages.put(message)
        except (RecordInvalid, OSError, ValueError):
            self._process.kill()
        self._messages.put(None)

    def _how_it_ended(self) -> str:
        code = self._process.wait()
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return f"the process of {self.name} ended ({how})"

    def _break(self, why: str) -> None:
        self.broken = self.broken or why
        self._process.kill()
