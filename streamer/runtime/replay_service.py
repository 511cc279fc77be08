"""The process of `emoscope replay --jobs`, which is `python -m emoscope.streamer.runtime.replay_service`."""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import msgspec

from ..asr import Recognizer, choose
from ..engine.messages import ModelRequest
from ..engine.opening import open_engine
from ..protocol.config import Config
from ..protocol.errors import EmoscopeError
from ..protocol.events import encode
from ..sinks.speaker_file import load_voice
from ..sources.input_format import InputFormat
from ..worker import Messages
from ..worker.child import run
from .replay import replay

EVENTS_A_PART = 2_000


class ReplayLoad(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What every recording is read with; the fields are those of `replay`."""

    model: ModelRequest
    config: Config
    input: InputFormat
    asr: str = "none"
    asr_device: str = "cpu"
    voice: str | None = None


class ReplayReady(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The model is loaded."""


class ReadPart(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Begin with another recording (its path as the system writes it), or go on with the same one (`None`)."""

    path: bytes | None = None


class Part(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """More events, in JSON. `done`: these are the last; `error`: what is wrong with the recording."""

    events: list[bytes]
    done: bool = False
    error: str = ""


MESSAGES: Messages[ReplayLoad, ReplayReady, ReadPart, Part] = Messages(
    load=ReplayLoad, loaded=ReplayReady, request=ReadPart, response=Part
)


class ReplayService:
    """Reads one recording after the other."""

    messages = MESSAGES

    def load(self, load: ReplayLoad) -> ReplayReady:
        """Load the model, and start the recognizer."""
        asked = load.model
        self._load = load
        self._opened = open_engine(asked.model, device=asked.device, threads=asked.threads, engine=asked.engine)
        choice = choose(load.asr, "cuda" if load.asr_device == "cuda" else "cpu")
        self._recognizer = None if choice is None else Recognizer(choice)
        self._voice = None if load.voice is None else load_voice(Path(load.voice), self._opened.contract)
        self._events: Iterator[bytes] = iter(())
        return ReplayReady()

    def answer(self, request: ReadPart) -> Part:
        """The next events."""
        if request.path is not None:
            self._events = self._read(Path(os.fsdecode(request.path)))
        events: list[bytes] = []
        try:
            for event in islice(self._events, EVENTS_A_PART):
                events.append(event)  # one by one: those before an error count
        except EmoscopeError as error:
            return Part(events=events, done=True, error=str(error))
        return Part(events=events, done=len(events) < EVENTS_A_PART)

    def _read(self, path: Path) -> Iterator[bytes]:
        load = self._load
        for event in replay(
            path, self._opened, config=load.config, asr=self._recognizer, voice=self._voice, input=load.input
        ):
            yield encode(event)


if __name__ == "__main__":
    run(ReplayService())
