"""The engine and the recognizers as a gateway sees them: calls to other replicas, from the threads that wait for them.

A replica may be lost at any time, with its node or because it needed too much memory. No answer depends on earlier
ones, so what it was computing is asked of another.
"""

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from ray.exceptions import RayError, RayTaskError
from ray.serve.exceptions import RayServeException
from ray.serve.handle import DeploymentHandle, DeploymentResponse

from ...protocol.errors import EmoscopeError
from ...session.requests import Done, Request, Result, Transcribe
from ...worker import WorkerError, WorkerExited, WorkerUnavailable
from ...worker.child import one_line
from .transcriber import RecognizerReady

R = TypeVar("R")

ATTEMPTS = 2  # of a call whose replica was lost; after that the scheduler tries each of its requests alone
ANSWER_TIMEOUT_S = 90.0  # a replica that is lost is replaced within that time, its model's loading included
FAILED_S = 10.0  # so long after a call without an answer the model counts as missing
PASS_TIMEOUT_S = 180.0  # as for the scorers, and a pass over a long utterance may take a minute


class ScorerLost(EmoscopeError):
    """The scorers gave no answer; the message says why."""


class RemoteEngine:
    """Answers requests as an engine here does, from any thread."""

    def __init__(self, scorers: DeploymentHandle, timeout_s: float = ANSWER_TIMEOUT_S) -> None:
        self._scorers, self._timeout_s = scorers, timeout_s
        self._failure, self._failed_at = "", 0.0

    @property
    def failure(self) -> str:
        """Why nothing is answered now; "" if all is well, or if nothing was asked for a while."""
        # A gateway that is left out because of this gets no streams with whose requests it could see that all is well.
        return self._failure if time.monotonic() - self._failed_at < FAILED_S else ""

    def __call__(self, requests: Sequence[Request]) -> list[Result]:
        """One result for each request, in any order. ScorerLost when no scorer answers, or the model fails."""
        try:
            results = _ask(lambda: self._scorers.answer.remote(list(requests)), self._timeout_s)
        except ScorerLost as error:
            self._failure, self._failed_at = str(error), time.monotonic()
            raise
        self._failure = ""
        return results


class RemoteRecognizer:
    """A `SpeechRecognizer` whose passes are made by the transcribers; one pass at a time.

    Several of them share the transcribers of a cluster: as many as a gateway may have passes under way.
    """

    def __init__(self, transcribers: DeploymentHandle, ready: DeploymentResponse) -> None:
        """`ready`: the pending answer of `Transcriber.ready`."""
        self._transcribers, self._pending = transcribers, ready
        self._ready: RecognizerReady | None = None
        self._closed = False
        self.busy_s = 0.0

    @property
    def name(self) -> str:
        """As users name it, once that is known."""
        return "the recognizer" if self._ready is None else self._ready.name

    @property
    def languages(self) -> tuple[str, ...]:
        """That it recognises; () for any, and before that is known."""
        return () if self._ready is None else self._ready.languages

    @property
    def failure(self) -> str:
        """Why there are no words; "" if all is well."""
        return "" if self._ready is None else self._ready.failure

    @property
    def gave_up(self) -> bool:
        """Whether there will never be words from here."""
        return self._closed or bool(self.failure)

    def loaded(self, timeout_s: float = 0.0) -> bool:
        """Wait until a transcriber has loaded its recognizer, or could not; False if that is not after `timeout_s`."""
        if self._ready is None:
            try:
                self._ready = self._pending.result(timeout_s=timeout_s)
            except TimeoutError:
                return False
            except (RayError, RayServeException):  # its replica was lost while it loaded
                self._pending = self._transcribers.ready.remote()
                return False
        return True

    def supports(self, language: str | None) -> bool:
        """Whether this language may be asked for; None stands for any."""
        return language is None or not self.languages or language in self.languages

    def ask(self, request: Transcribe) -> Result:
        """The result of one pass. WorkerExited or WorkerUnavailable if none was made."""
        began = time.monotonic()
        try:
            answer: Result | WorkerError = self._transcribers.transcribe.remote(request).result(
                timeout_s=PASS_TIMEOUT_S
            )
        except TimeoutError:
            raise WorkerUnavailable(f"no transcriber answered within {PASS_TIMEOUT_S:g} s") from None
        except (RayError, RayServeException) as error:
            raise WorkerExited(f"a transcriber was lost: {one_line(error)}") from None
        if isinstance(answer, WorkerError):
            raise answer
        if isinstance(answer, Done):
            self.busy_s += time.monotonic() - began
        return answer

    def close(self) -> None:
        """Ask nothing more."""
        self._closed = True


def _ask(call: Callable[[], DeploymentResponse], timeout_s: float) -> list[Result]:
    """The answer, which is asked for again where the replica that had the call was lost."""
    deadline = time.monotonic() + timeout_s
    for _ in range(ATTEMPTS):
        try:
            results: list[Result] = call().result(timeout_s=max(0.1, deadline - time.monotonic()))
            return results
        except TimeoutError:
            raise ScorerLost(f"no scorer answered within {timeout_s:g} s") from None
        except RayTaskError as error:
            raise ScorerLost(f"the model failed: {one_line(error.cause if error.cause else error)}") from None
        except (RayError, RayServeException) as error:
            reason = one_line(error)
    raise ScorerLost(f"{ATTEMPTS} scorers were lost: {reason}")
