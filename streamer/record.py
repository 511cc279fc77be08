"""The record of a session: its events as JSON lines. After a kill, every full line is readable."""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from .errors import InputError, RecordInvalid
from .events import (
    PROTOCOL,
    AnyEvent,
    EmotionFinal,
    EmotionInterim,
    SessionClosed,
    SessionCreated,
    SpeechEnded,
    SpeechStarted,
    Status,
    decode,
    encode,
)


class RecordWriter:
    """Appends each event as one line, whole, and hands it to the system at once. Never overwrites another record."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(path, "xb", buffering=0)  # noqa: SIM115 - closed by the context manager
        except OSError as error:
            if isinstance(error, FileExistsError) and path.parent.is_dir():
                raise InputError(f"{path}: exists already; records are never overwritten") from None
            raise InputError(f"{path}: cannot be written: {error.strerror}") from None

    def write(self, event: AnyEvent) -> None:
        line = encode(event) + b"\n"
        try:
            while line:  # a disk that fills up takes a part first, and refuses the rest
                line = line[self._file.write(line) :]
        except OSError as error:
            raise InputError(
                f"{self.path}: the record stops here: {error.strerror}; the lines before are whole"
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def free_path(folder: Path, source: Path) -> Path:
    """`folder`/NAME.jsonl, or with a number before the suffix where that is taken."""
    path, number = folder / f"{source.stem}.jsonl", 2
    try:
        while path.exists():
            path, number = folder / f"{source.stem}.{number}.jsonl", number + 1
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None
    return path


def read_record(path: Path) -> Iterator[AnyEvent]:
    """The events of a record, in order. A last line that was cut short by a kill is left out.

    RecordInvalid names the line that is no event, and a record of another protocol.
    """
    try:
        with open(path, "rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    return
                try:
                    event = decode(line)
                except msgspec.DecodeError as error:
                    raise RecordInvalid(f"{path}, line {number}: not an event of {PROTOCOL}: {error}") from None
                if isinstance(event, SessionCreated) and event.protocol != PROTOCOL:
                    raise RecordInvalid(f"{path}: a record of {event.protocol}; this version reads {PROTOCOL}")
                yield event
    except OSError as error:
        raise RecordInvalid(f"{path}: {error.strerror}") from None


def is_record(path: Path) -> bool:
    """A file that begins as a record does; what it holds is not looked at."""
    try:
        with open(path, "rb") as file:
            return file.read(1) == b"{" or (path.suffix.lower() == ".jsonl" and path.is_file())
    except OSError:
        return False


def event_time(event: AnyEvent) -> float | None:
    """When on the audio clock, in seconds, an event can have been seen; None for those without a time."""
    match event:
        case Status():
            return event.audio_s
        case SpeechStarted():
            return event.start
        case SpeechEnded() | EmotionInterim() | EmotionFinal():
            return event.end
        case SessionClosed():
            return event.totals.audio_s
    return None


def whole_record(path: Path) -> Iterator[AnyEvent]:
    """The events of a record; RecordInvalid after the last when it breaks off before its session was closed."""
    seen, closed = 0.0, False
    for event in read_record(path):
        seen = max(seen, event_time(event) or 0.0)
        closed = isinstance(event, SessionClosed)
        yield event
    if not closed:
        raise RecordInvalid(f"{path}: breaks off at {seen:.1f} s, before its session was closed; all before was shown")
