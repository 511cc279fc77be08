"""A speech recognizer in a process of its own; if that breaks, another one is started."""

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self

from ..protocol.config import SAMPLE_RATE
from ..protocol.errors import EmoscopeError, RecordInvalid
from ..session.requests import Done, Failed, Request, Result, Transcribe
from ..worker import SupervisedWorker, WorkerError, WorkerState, WorkerUnavailable
from .choice import HOW, Choice
from .messages import MESSAGES, LoadRequest, TranscribeRequest

COMMAND = ("-m", "emoscope.streamer.asr.service")
LOAD_TIMEOUT_S = 120.0  # the model may have to be downloaded
FIRST_LOADS = 3  # a process that is killed while it loads, for lack of memory or by hand, ends no server's transcripts
PASS_TIMEOUT_S = 120.0  # beyond what the audio of a pass explains; a busy machine must not be taken for a hang
TIMEOUT_PER_AUDIO_S = 30.0  # seconds for each second of audio


class RecognizerUnavailable(EmoscopeError):
    """A recognizer that is not installed, has no model, or broke; the message says what to do."""


class SpeechRecognizer(Protocol):
    """What makes transcripts, here or elsewhere; `Recognizer` explains the members."""

    busy_s: float

    @property
    def name(self) -> str:
        """As users name it."""

    @property
    def languages(self) -> tuple[str, ...]:
        """That it recognises; () for any."""

    @property
    def failure(self) -> str:
        """Why it is unavailable now."""

    @property
    def gave_up(self) -> bool:
        """Whether it will never answer."""

    def loaded(self, timeout_s: float = 0.0) -> bool:
        """Wait until loading is over."""

    def supports(self, language: str | None) -> bool:
        """Whether this language may be asked for."""

    def ask(self, request: Transcribe) -> Result:
        """The result of one pass; raises WorkerError where none was made."""

    def close(self) -> None:
        """Answer nothing more."""


class Recognizer:
    """Answers `Transcribe` requests, one after the other, from any thread.

    >>> with Recognizer(Choice(name="pocketsphinx")) as recognizer:    # doctest: +SKIP
    ...     recognizer.check()
    ...     [result] = recognizer([request])

    Loading begins at once, in a process of its own; `check` waits for it. If it cannot be loaded, or `FIRST_LOADS`
    processes are killed while they load, the recognizer stays unavailable. If its process breaks later, or a pass times
    out, another process is started; until it has loaded, requests are `Failed` at once, with the reason that is in
    `failure`.

    load_timeout_s       how long loading may take
    timeout_s            how long a pass may take, beyond
    timeout_per_audio_s  so many seconds for each second of its audio
    command              what Python runs as the process (tests)
    """

    def __init__(
        self,
        choice: Choice,
        *,
        load_timeout_s: float = LOAD_TIMEOUT_S,
        timeout_s: float = PASS_TIMEOUT_S,
        timeout_per_audio_s: float = TIMEOUT_PER_AUDIO_S,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self.choice = choice
        self._timeout_s, self._timeout_per_audio_s = timeout_s, timeout_per_audio_s
        self.audio_s = self.busy_s = 0.0
        """Audio in the passes so far, and the wall time they took."""
        load = LoadRequest(
            backend=choice.name, model=choice.model, device=choice.device, threads=choice.threads, fetch=choice.fetch
        )
        self._worker = SupervisedWorker(
            command,
            MESSAGES,
            load,
            name=f"the process of {choice}",
            load_timeout_s=load_timeout_s,
            reload_timeout_s=load_timeout_s,
            restart_wait_s=0.0,
            first_loads=FIRST_LOADS,
            quiet=True,
        )

    @property
    def name(self) -> str:
        """As users name it; with the model once it is loaded."""
        loaded = self._worker.loaded
        return str(self.choice) if loaded is None else loaded.name

    @property
    def languages(self) -> tuple[str, ...]:
        """That it recognises; () for any, and before it is loaded."""
        loaded = self._worker.loaded
        return () if loaded is None else loaded.languages

    @property
    def failure(self) -> str:
        """Why it is unavailable now; "" if all is well."""
        failure = self._worker.failure
        if self._worker.state is WorkerState.UNAVAILABLE:
            return f"{self.name} cannot be loaded: {failure}; {HOW}"
        return failure

    @property
    def last_exit(self) -> str:
        """Why its last loaded process ended; "" if none did. Requests may have failed since it began."""
        return self._worker.last_exit

    @property
    def gave_up(self) -> bool:
        """Whether it will never answer: it could not be loaded, or was closed."""
        return self._worker.state in (WorkerState.UNAVAILABLE, WorkerState.CLOSED)

    @property
    def pid(self) -> int:
        """Of the process, to measure it."""
        return self._worker.pid

    def loaded(self, timeout_s: float = 0.0) -> bool:
        """Wait until loading is over, successful or not; False if it is not after `timeout_s`."""
        return self._worker.wait_loaded(timeout_s)

    def check(self) -> None:
        """Wait until loading is over. RecognizerUnavailable if it failed, or if the recognizer is broken now."""
        self._worker.wait_loaded()
        if failure := self.failure:
            raise RecognizerUnavailable(failure)

    def supports(self, language: str | None) -> bool:
        """Whether this language may be asked for; None stands for any."""
        return language is None or not self.languages or language in self.languages

    def __call__(self, requests: Sequence[Request]) -> list[Result]:
        """One result for each `Transcribe`."""
        results: list[Result] = []
        for request in requests:
            if isinstance(request, Transcribe):
                try:
                    results.append(self.ask(request))
                except WorkerError as error:
                    results.append(Failed(request.id, str(error)))
        return results

    def ask(self, request: Transcribe) -> Result:
        """The result of one pass, for a caller that may try it again.

        WorkerExited if the process ended on this pass, or was killed because it took too long; WorkerUnavailable if
        there was no process to give it to.
        """
        audio_s = len(request.audio) / SAMPLE_RATE
        message = TranscribeRequest(
            audio=request.audio.astype("<i2", copy=False), language=request.language, final=request.final
        )
        self._worker.wait_loaded()
        if failure := self.failure:
            raise WorkerUnavailable(failure)
        began = time.perf_counter()
        try:
            response = self._worker.ask(message, self._timeout_s + self._timeout_per_audio_s * audio_s)
        except RecordInvalid as error:
            return Failed(request.id, str(error))
        self.busy_s += time.perf_counter() - began
        self.audio_s += audio_s
        if response.hypothesis is None:
            return Failed(request.id, f"{self.name}: {response.failure}")
        return Done(request.id, response.hypothesis, infer_ms=response.infer_ms)

    def close(self) -> None:
        """End the process, whatever it is doing."""
        self._worker.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
