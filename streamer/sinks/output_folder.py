"""One folder for everything that a run writes: a file a recording in each format, and a table of all recordings.

A recording's files appear under their names once they are complete, and its row in `summary.csv` after them. So a run
that was killed goes on where it stopped, and leaves what a run that was not killed leaves.
"""

import csv
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from emoscope.models.cards import replace_file

from ..protocol.errors import InputError
from ..protocol.text import printable
from .event_file import EventFile, write_all
from .exports import FORMATS, FormatName
from .record import RecordWriter
from .recording_summary import COLUMNS, RecordingSummary
from .table import safe

SUMMARY, LOCK, PART = "summary.csv", ".emoscope.lock", ".part"


class OutputFolder:
    """Locked while it is open: a second run on the same folder is an InputError.

    formats  of each recording's files
    frames   whether these hold the interims too
    record   whether each recording has a record beside them
    resume   go on with an earlier run's folder; without it such a folder is an InputError
    """

    def __init__(
        self, folder: Path, formats: Sequence[FormatName], *, frames: bool, record: bool = False, resume: bool = False
    ) -> None:
        self.folder, self._formats, self._frames, self._record = folder, formats, frames, record
        self._lock: Any = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._take_lock()
            self._rows = self._read() if resume else {}
            if not resume and (folder / SUMMARY).exists():
                raise InputError(
                    f"{folder}: holds the output of an earlier run; go on with --skip-done, or choose another folder"
                )
            self._repair()
        except OSError as error:
            self._release()
            raise InputError(f"{folder}: cannot be written: {error.strerror}") from None
        except InputError:
            self._release()
            raise

    def done(self, file: Path, name: Path) -> bool:
        """Whether an earlier run has read that recording to its end and all its files are there."""
        row = self._rows.get(_key(file))
        return row is not None and not row[-1] and all(path.exists() for path, _ in self._outputs(name))

    def open(self, name: Path) -> list[EventFile]:
        """The files of one recording, under names of their own until `publish`. InputError where they cannot be."""
        opened: list[EventFile] = []
        with self._all_or_none(opened):
            for path, kind in self._outputs(name):
                part = _part(path)
                part.unlink(missing_ok=True)  # left behind by a run that was killed: the lock says that it is gone
                opened.append(RecordWriter(part) if kind is None else FORMATS[kind].open(part, self._frames))
                opened[-1].whole_name = path
        return opened

    def publish(self, name: Path, files: Sequence[EventFile]) -> None:
        """Close the files of one recording, and give them their names. InputError when the disk is full."""
        with self._all_or_none(files):
            for file in files:
                file.__exit__(None, None, None)
            for path, _ in self._outputs(name):
                os.replace(_part(path), path)

    @contextmanager
    def _all_or_none(self, files: Sequence[EventFile]) -> Iterator[None]:
        """Discard the files where something fails; InputError where the system refuses."""
        try:
            yield
        except OSError as error:
            self.discard(files)
            raise InputError(f"{self.folder}: cannot be written: {error.strerror}") from None
        except BaseException:
            self.discard(files)
            raise

    def discard(self, files: Sequence[EventFile]) -> None:
        """Close and delete the files of a recording that was not read to its end."""
        for file in files:
            with suppress(InputError, OSError):
                file.__exit__(None, None, None)
            with suppress(OSError):
                file.path.unlink(missing_ok=True)

    def note(self, file: Path, summary: RecordingSummary) -> None:
        """Add the row of a recording, after its files. InputError when the disk is full."""
        row = summary.row()
        self._rows[_key(file)] = row
        path = self.folder / SUMMARY
        try:
            with open(path, "ab", buffering=0) as table:
                whole = table.tell()
                try:
                    write_all(table, _lines([row]))
                except OSError:
                    table.truncate(whole)
                    raise
        except OSError as error:
            raise InputError(f"{path}: cannot be written: {error.strerror}") from None

    def finish(self, order: Sequence[Path]) -> None:
        """Write the table anew, a row a recording, in the order of the run's files; rows of others come after them."""
        keys = [_key(file) for file in order]
        ordered = {key: self._rows[key] for key in [*keys, *self._rows] if key in self._rows}
        try:
            replace_file(self.folder / SUMMARY, _lines([list(COLUMNS), *ordered.values()]))
        except OSError as error:
            raise InputError(f"{self.folder / SUMMARY}: cannot be written: {error.strerror}") from None

    def _outputs(self, name: Path) -> list[tuple[Path, FormatName | None]]:
        """The paths of a recording's files; the record has no format."""
        base = self.folder / name.parent / name.name
        kinds: list[FormatName | None] = [*self._formats, *([None] if self._record else [])]
        return [
            (base.with_name(base.name + (".jsonl" if kind is None else FORMATS[kind].suffix)), kind) for kind in kinds
        ]

    def _read(self) -> dict[str, list[str]]:
        """The rows of an earlier run. A row that a kill cut short does not count."""
        path = self.folder / SUMMARY
        if not path.exists():
            return {}
        text = path.read_text(encoding="utf-8", errors="replace")
        whole = text[: text.rfind("\n") + 1]
        rows = csv.reader(io.StringIO(whole, newline=""))
        return {row[0]: row for row in rows if len(row) == len(COLUMNS) and row != list(COLUMNS)}

    def _repair(self) -> None:
        """Leave whole rows only, and a head."""
        replace_file(self.folder / SUMMARY, _lines([list(COLUMNS), *self._rows.values()]))

    def _take_lock(self) -> None:
        try:
            import fcntl
        except ImportError:  # Windows: two runs on one folder are not noticed there
            return
        self._lock = open(self.folder / LOCK, "w")  # noqa: SIM115 - held until the end of the run
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(self._lock.fileno()).st_nlink == 0:  # another run ended just now, and took the file away
                raise OSError
        except OSError:
            self._lock.close()
            self._lock = None
            raise InputError(
                f"{self.folder}: another run writes there; wait for it, or choose another folder"
            ) from None

    def _release(self) -> None:
        if self._lock is not None:
            (self.folder / LOCK).unlink(missing_ok=True)
            self._lock.close()
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._release()


def output_names(files: Sequence[tuple[Path, Path | None]]) -> Mapping[int, Path]:
    """The name of each file's output, without a suffix, by its place: below its folder as it lay there.

    Where two would have the same name, the suffix of the recording stays; where that is not enough, they are counted.
    """
    stems = [path.relative_to(folder) if folder is not None else Path(path.name) for path, folder in files]
    short = [str(stem.with_suffix("")).casefold() for stem in stems]
    names: dict[int, Path] = {}
    taken: set[str] = set()
    for place, stem in enumerate(stems):
        name = stem.with_suffix("") if short.count(short[place]) == 1 else stem
        number, unique = 2, name
        while str(unique).casefold() in taken:
            unique, number = name.with_name(f"{name.name}.{number}"), number + 1
        taken.add(str(unique).casefold())
        names[place] = unique
    return names


def _key(file: Path) -> str:
    return safe(printable(file))


def _part(path: Path) -> Path:
    return path.with_name(f".{path.name}{PART}")


def _lines(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([[safe(cell) for cell in row] for row in rows])
    return text.getvalue().encode("utf-8", "replace")
