"""The record of a session: its events as JSON lines. If the process is killed, every complete line stays readable."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from ..protocol.errors import RecordInvalid
from ..protocol.events import (
    PROTOCOL,
    AnyEvent,
    EmotionFinal,
    EmotionInterim,
    SessionClosed,
    SessionCreated,
    SpeechEnded,
    SpeechStarted,
    Status,
    TranscriptFinal,
    TranscriptInterim,
    decode,
    encode,
)
from .event_file import STDOUT, EventFile


class RecordWriter(EventFile):
    """Appends each event as one line, without buffering. Never overwrites another record.

    Whether the file can be written is tried at once, but it is there from the first event on: a process that is killed
    while it loads its model leaves no empty record.
    """

    what, kept = "record", "lines"

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        if path != STDOUT:
            self._file.close()
            path.unlink()

    def write(self, event: AnyEvent) -> None:
        if self._file.closed:
            try:
                self._file = self._create()
            except OSError as error:
                raise self._refused(error) from None
        self.append(encode(event) + b"\n")


def read_record(path: Path) -> Iterator[AnyEvent]:
    """The events of a record, in order. An incomplete last line is ignored.

    Raises RecordInvalid for a line that is not an event, with its number, and for a record of another protocol version.
    """
    try:
        with open(path, "rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    return
                try:
                    event = decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    raise RecordInvalid(f"{path}, line {number}: not an event of {PROTOCOL}: {error}") from None
                if isinstance(event, SessionCreated) and event.protocol != PROTOCOL:
                    raise RecordInvalid(f"{path}: a record of {event.protocol}; this version reads {PROTOCOL}")
                yield event
    except OSError as error:
        raise RecordInvalid(f"{path}: {error.strerror}") from None


def is_record(path: Path) -> bool:
    """Whether a file begins like a record. Its content is not checked, and nothing is taken out of a pipe."""
    try:
        if not path.is_file():
            return False
        with open(path, "rb") as file:
            return file.read(1) == b"{" or (path.suffix.lower() == ".jsonl" and path.is_file())
    except OSError:
        return False


def event_time(event: AnyEvent) -> float | None:
    """The time on the audio clock, in seconds, from which an event can be reported; None for an event without times."""
    match event:
        case Status():
            return event.audio_s
        case SpeechStarted():
            return event.start
        case SpeechEnded() | EmotionInterim() | EmotionFinal() | TranscriptInterim() | TranscriptFinal():
            return event.end
        case SessionClosed():
            return event.totals.audio_s
    return None


def whole_record(path: Path) -> Iterator[AnyEvent]:
    """The events of a record. RecordInvalid after the last one without `session.closed`, or without any."""
    seen, closed, empty = 0.0, False, True
    for event in read_record(path):
        seen = max(seen, event_time(event) or 0.0)
        closed, empty = isinstance(event, SessionClosed), False
        yield event
    if empty:
        raise RecordInvalid(f"{path}: has no events: the file is empty, or was cut off in its first line")
    if not closed:
        raise RecordInvalid(
            f"{path}: breaks off at {seen:.1f} s, before its session was closed; the events before that were read"
        )
