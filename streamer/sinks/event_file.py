"""A file that events are written to as they come: it never replaces another, and is whole after every write."""

from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from ..protocol.errors import InputError
from ..protocol.events import AnyEvent


class EventFile(ABC):
    """Made at once, so that a place that cannot be written is known before anything is heard.

    what  a file of this kind is, in messages; `kept` what is safe in it when it breaks off
    """

    what: ClassVar[str]
    kept: ClassVar[str]
    _broke: InputError | None = None

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(path, "xb", buffering=0)  # noqa: SIM115 - closed by the context manager
        except OSError as error:
            if isinstance(error, FileExistsError) and path.parent.is_dir():
                raise InputError(f"{path}: exists already; {self.what}s are never overwritten") from None
            raise InputError(f"{path}: cannot be written: {error.strerror}") from None

    @abstractmethod
    def write(self, event: AnyEvent) -> None:
        """What of this event belongs into the file. InputError where the disk takes no more."""

    def append(self, data: bytes) -> None:
        """Hand it to the system at once, whole. What broke off once stays so: no row goes behind half a row."""
        if self._broke is not None:
            raise self._broke
        try:
            while data:  # a disk that fills up takes a part first, and refuses the rest
                data = data[self._file.write(data) :]
        except OSError as error:
            self._broke = InputError(
                f"{self.path}: the {self.what} stops here: {error.strerror}; the {self.kept} before are whole"
            )
            raise self._broke from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def free_path(folder: Path, source: Path, suffix: str = ".jsonl") -> Path:
    """`folder`/NAME`suffix`, or with a number before the suffix where that is taken."""
    path, number = folder / f"{source.stem}{suffix}", 2
    try:
        while path.exists():
            path, number = folder / f"{source.stem}.{number}{suffix}", number + 1
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None
    return path
