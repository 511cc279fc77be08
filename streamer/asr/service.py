"""A recognizer's process: `python -m emoscope.streamer.asr.service`, started by `Recognizer`."""

import os
import time

from ..worker.child import one_line, run
from ..worker.failures import FailuresInARow
from .backend import Backend, load_backend
from .messages import MESSAGES, LoadRequest, RecognizerLoaded, TranscribeRequest, TranscribeResponse

NICE = 10
"""By so much its process yields to others: on a busy machine words come late before readings and sockets do."""


class RecognizerService:
    """Loads a backend and runs one pass after the other."""

    messages = MESSAGES
    _backend: Backend

    def __init__(self) -> None:
        self._failures = FailuresInARow()

    def load(self, load: LoadRequest) -> RecognizerLoaded:
        """Load the backend. Raises whatever its library raises."""
        self._backend = load_backend(load)
        return RecognizerLoaded(name=self._backend.name, languages=self._backend.languages)

    def answer(self, request: TranscribeRequest) -> TranscribeResponse:
        """One pass; if the backend raises, `failure` says how. ServiceBroken where none succeeds for some seconds."""
        began = time.perf_counter()
        try:
            hypothesis = self._backend.transcribe(request.audio, request.language, request.final)
        except Exception as error:  # whatever a library raises, the session has to be told
            self._failures.note(one_line(error), time.monotonic())
            return TranscribeResponse(failure=one_line(error))
        self._failures.note("", time.monotonic())
        return TranscribeResponse(hypothesis=hypothesis, infer_ms=(time.perf_counter() - began) * 1e3)


if __name__ == "__main__":
    if hasattr(os, "nice"):
        os.nice(NICE)
    run(RecognizerService())
