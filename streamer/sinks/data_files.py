"""Readings for programs: JSON, audformat's table, and Parquet."""

import csv
import io
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from ..protocol.errors import InputError, UsageError
from ..protocol.events import AnyEvent, EmotionFinal, SessionClosed, SessionCreated, words_to_text
from .event_file import EventFile
from .stretches import Reading, Stretches, channel_of

OTHER_LABELS = "the models of these recordings have different labels; write a file for each"


class DataFile(EventFile):
    """Base: each reading as a dict of plain values. One file can hold several recordings.

    frames  the interims too
    """

    what, kept = "file of readings", "readings"

    def __init__(self, path: Path, frames: bool = False) -> None:
        super().__init__(path)
        self._stretches = Stretches(frames)
        self._recordings: dict[int | None, str] = {}

    def write(self, event: AnyEvent) -> None:
        if isinstance(event, SessionCreated):
            self._recordings[channel_of(event)] = event.source or ""
        reading = self._stretches.reading(event)
        if reading is not None:
            self.add(reading, self._recordings.get(channel_of(reading), ""))
        if isinstance(event, SessionClosed):
            self.close_recording()

    @abstractmethod
    def add(self, reading: Reading, recording: str) -> None:
        """Write one reading, or keep it until the recording ends."""

    def close_recording(self) -> None:
        """A recording, or one of its channels, has ended."""


def plain(reading: Reading, recording: str) -> dict[str, Any]:
    """A reading as a dict: the fields of its event, its recording, and its words as one line."""
    fields: dict[str, Any] = msgspec.to_builtins(reading)
    kind = "reading" if isinstance(reading, EmotionFinal) else "interim"
    skip = ("type", "seq", "latency", "channel")
    said = {"said": words_to_text(reading.words)} if isinstance(reading, EmotionFinal) else {}
    head = {"recording": recording, "channel": channel_of(reading), "kind": kind}
    return {**head, **{name: value for name, value in fields.items() if name not in skip}, **said}


class JsonFile(DataFile):
    """One array with an object for each reading, in UTF-8. The array is closed with the file."""

    _count = 0

    def add(self, reading: Reading, recording: str) -> None:
        """One more line."""
        self.append((b",\n" if self._count else b"[\n") + msgspec.json.encode(plain(reading, recording)))
        self._count += 1

    def finish(self) -> None:
        """Close the array, also of what there was room for on a disk that became full."""
        if self._recordings:
            self._failure = None
            self.append(b"\n]\n" if self._count else b"[]\n")


class AudformatTable(DataFile):
    """A table of audformat: the index `file,start,end`, then `emotion`, `confidence` and a column a score.

    audformat, "Table conventions": times are written as pandas writes a timedelta.
    """

    def __init__(self, path: Path, frames: bool = False) -> None:
        super().__init__(path, frames)
        self._names: list[str] = []

    def add(self, reading: Reading, recording: str) -> None:
        """A row, after the header."""
        values = {**reading.scores, **reading.dimensions}
        if not self._names:
            self._names = list(values)
            self._row(["file", "start", "end", "channel", "final", "emotion", "confidence", *self._names, "text"])
        if list(values) != self._names:
            raise InputError(f"{self.path}: {OTHER_LABELS}")
        channel = channel_of(reading)
        place = (
            recording,
            timedelta(self._stretches.start),
            timedelta(reading.end),
            "" if channel is None else channel,
        )
        final = isinstance(reading, EmotionFinal)
        text = words_to_text(reading.words) if isinstance(reading, EmotionFinal) else ""
        self._row([*place, final, reading.label, reading.confidence, *values.values(), text])

    def _row(self, cells: list[Any]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerow(cells)
        self.append(text.getvalue().encode("utf-8", "replace"))


def timedelta(seconds: float) -> str:
    """A time as pandas writes it, such as `0 days 00:00:01.500000`."""
    micros = round(seconds * 1e6)
    whole, rest = divmod(micros, 1_000_000)
    days, left = divmod(whole, 86_400)
    return f"{days} days {left // 3_600:02d}:{left // 60 % 60:02d}:{left % 60:02d}.{rest:06d}"


class ParquetFile(DataFile):
    """A row for each reading, in a row group a recording; scores and dimensions have a column each.

    UsageError without pyarrow.
    """

    def __init__(self, path: Path, frames: bool = False) -> None:
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError:
            raise UsageError("parquet needs pyarrow: pip install 'emoscope[parquet]'") from None
        super().__init__(path, frames)
        self._arrow: Any = pyarrow
        self._writer: Any = None
        self._names: list[str] = []
        self._rows: list[dict[str, Any]] = []

    def add(self, reading: Reading, recording: str) -> None:
        """Keep the row until its recording ends."""
        row = plain(reading, recording)
        final = isinstance(reading, EmotionFinal)
        if self._failure is not None:
            raise self._failure
        self._rows.append(
            {name: row[name] for name in ("recording", "channel", "kind", "utterance", "start", "end")}
            | {"label": row["label"], "confidence": row["confidence"]}
            | {f"score_{name}": value for name, value in reading.scores.items()}
            | dict(reading.dimensions)
            | {"voice_share": reading.sources.audio, "words_share": reading.sources.text}
            | {"words_how": row["text"] if final else None, "said": row.get("said"), "words": row.get("words", [])}
        )

    def close_recording(self) -> None:
        """Write the recording's rows."""
        if not self._rows:
            return
        rows, self._rows = self._rows, []
        if self._writer is not None and self._names != list(rows[0]):
            raise InputError(f"{self.path}: {OTHER_LABELS}")
        self._names = list(rows[0])
        with self._nothing_half_written():
            table = self._arrow.Table.from_pylist(rows, self._schema(rows[0]))
            if self._writer is None:
                self._writer = self._arrow.parquet.ParquetWriter(self._file, table.schema)
            self._writer.write_table(table)

    def finish(self) -> None:
        """Write the rest and the footer."""
        if self._failure is not None:
            return
        self.close_recording()
        if self._writer is not None:
            with self._nothing_half_written():
                self._writer.close()

    def _broken_off(self, error: OSError) -> InputError:
        if self.whole_name is not None:
            return super()._broken_off(error)
        return InputError(f"{self.path}: cannot be written: {error.strerror or error}")

    @contextmanager
    def _nothing_half_written(self) -> Iterator[None]:
        """On a full disk, InputError; the file, which cannot be read without its footer, is left empty."""
        try:
            yield
        except OSError as error:
            self._writer.is_open = False  # or it would write a footer when it is deleted
            self._failure = self._broken_off(error)
            self._cut()
            raise self._failure from None

    def _schema(self, row: dict[str, Any]) -> Any:
        arrow = self._arrow
        numbers = [(name, arrow.float64()) for name in ("start", "end", "weight")]
        word = arrow.struct([("word", arrow.string()), *numbers, ("space", arrow.bool_())])
        special = {"channel": arrow.int32(), "utterance": arrow.int32(), "words": arrow.list_(word)}
        texts = ("recording", "kind", "label", "words_how", "said")
        types = {name: arrow.string() if name in texts else arrow.float64() for name in row}
        return arrow.schema([(name, special.get(name, types[name])) for name in row])
