"""Base of the files that events are written to. A file never replaces another, and is complete after each write."""

import sys
from abc import ABC, abstractmethod
from contextlib import suppress
from io import FileIO, RawIOBase
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from ..protocol.errors import InputError
from ..protocol.events import AnyEvent

STDOUT = Path("-")


class EventFile(ABC):
    """The file is created at once, so that an unwritable path is an error before any audio is read.

    path        `-` is standard output
    what        the kind of file, for messages
    kept        the unit that is complete in a file whose writing failed, for messages
    whole_name  the name that the file gets once it is whole, where it is deleted otherwise
    """

    what: ClassVar[str]
    kept: ClassVar[str]
    whole_name: Path | None = None
    _failure: InputError | None = None
    _whole = 0  # bytes of the file that were written whole

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            if path == STDOUT:
                self._file = open(sys.stdout.fileno(), "wb", buffering=0, closefd=False)  # noqa: SIM115
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self._create()
        except OSError as error:
            raise self._refused(error) from None

    def _create(self) -> FileIO:
        """The new file, empty; OSError where there is one already, or none can be written."""
        return open(self.path, "xb", buffering=0)

    def _refused(self, error: OSError) -> InputError:
        """Why the file cannot be created."""
        if isinstance(error, FileExistsError) and self.path.parent.is_dir():
            return InputError(f"{self.path}: exists already; {self.what}s are never overwritten")
        return InputError(f"{self.path}: cannot be written: {error.strerror}")

    @abstractmethod
    def write(self, event: AnyEvent) -> None:
        """Write an event's part of the file. InputError when the disk is full."""

    def append(self, data: bytes) -> None:
        """Write all of the data now. After a failure nothing more is written, so that no row follows a partial row."""
        if self._failure is not None:
            raise self._failure
        try:
            write_all(self._file, data)
            self._whole += len(data)
        except OSError as error:
            self._cut()
            self._failure = self._broken_off(error)
            raise self._failure from None

    def _broken_off(self, error: OSError) -> InputError:
        reason = error.strerror or error
        if self.whole_name is not None:
            return InputError(f"{self.whole_name}: not written: {reason}; with room for it, --skip-done reads it again")
        return InputError(f"{self.path}: the {self.what} stops here: {reason}; the {self.kept} before are complete")

    def _cut(self) -> None:
        """Take back what was written in part. Standard output may be a file that others write to: it stays."""
        if self.path != STDOUT:
            with suppress(OSError):  # a pipe cannot take anything back
                self._file.truncate(self._whole)
                self._file.seek(self._whole)

    def __enter__(self) -> Self:
        return self

    def finish(self) -> None:  # noqa: B027 - most kinds have nothing left to write
        """Write what can only be written at the end. InputError when the disk is full."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.finish()
        except InputError:
            if error is None:
                raise
        finally:
            self._file.close()


def write_all(file: RawIOBase, data: bytes) -> None:
    """Write all of the data: a disk that becomes full accepts a part first, and then raises OSError."""
    while data:
        data = data[file.write(data) or 0 :]


def free_path(folder: Path, source: Path, suffix: str = ".jsonl") -> Path:
    """The path `folder`/NAME`suffix`, with a number before the suffix if that file exists."""
    path, number = folder / f"{source.stem}{suffix}", 2
    try:
        while path.exists():
            path, number = folder / f"{source.stem}.{number}{suffix}", number + 1
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None
    return path
