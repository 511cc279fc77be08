"""The deployment that makes words: a speech recognizer in a process of its own on each replica."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from ...asr import Choice, Recognizer
from ...session.requests import Result, Transcribe
from ...worker import WorkerError

LOOK_S = 1.0


class RecognizerReady(NamedTuple):
    """What a gateway must know of the recognizer; `failure` says why there is none, "" where there is one."""

    name: str
    languages: tuple[str, ...]
    failure: str


class Transcriber:
    """One recognizer, one pass after the other. A recognizer that breaks is started again on the same replica."""

    def __init__(self, choice: Choice) -> None:
        self._recognizer = Recognizer(choice)
        self._thread = ThreadPoolExecutor(1, "emoscope words")

    async def ready(self) -> RecognizerReady:
        """Wait until the recognizer is loaded, or cannot be."""
        recognizer = self._recognizer
        while not await asyncio.to_thread(recognizer.loaded, LOOK_S):
            pass
        return RecognizerReady(recognizer.name, recognizer.languages, recognizer.failure if recognizer.gave_up else "")

    async def transcribe(self, request: Transcribe) -> Result | WorkerError:
        """The result of one pass, or why none was made, so that it may be tried again elsewhere."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._transcribe, request)

    def _transcribe(self, request: Transcribe) -> Result | WorkerError:
        try:
            return self._recognizer.ask(request)
        except WorkerError as error:
            return error

    def __del__(self) -> None:
        self._recognizer.close()
