"""What a model made of each clip of a corpus, kept on disk: a line of JSON a clip, written when the clip is done.

A run that is stopped or killed goes on where it was, and another analysis of the same model finds everything there.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

import emoscope.models
import emoscope.streamer
from emoscope.models.cards import Card

from ..corpora import Clip
from ..errors import Interrupted, TrainingError
from ..stop import StopRequest

Kept = TypeVar("Kept")

CODE = (
    Path(emoscope.models.__file__).parent,
    *(Path(emoscope.streamer.__file__).parent / room for room in ("session", "engine", "sources")),
    Path(__file__).parent,
)
"""Packages whose code decides what a model makes of a clip, and what is kept of it."""


class Line(msgspec.Struct, frozen=True):
    """One line of a cache. `clip` names the clip and the state of its file."""

    clip: str
    kept: Any


class ClipCache(Generic[Kept]):
    """What is kept of each clip, by clip. TrainingError where the file cannot be read or written.

    path  the file; it is made with the first clip that is kept
    kind  the type of what is kept, for msgspec
    """

    def __init__(self, path: Path, kind: Any) -> None:
        self.path = path
        self._kept: dict[str, Kept] = {}
        self._ends_in_line = True
        try:
            lines = path.read_bytes().splitlines(keepends=True) if path.is_file() else []
        except OSError as error:
            raise TrainingError(f"cannot read the cache {path}: {error.strerror}; `--work DIR` takes another") from None
        for line in lines:
            self._ends_in_line = line.endswith(b"\n")
            try:
                read = msgspec.json.decode(line, type=Line)
                self._kept[read.clip] = msgspec.convert(read.kept, kind, builtin_types=())
            except (msgspec.MsgspecError, UnicodeDecodeError):
                continue  # a run was killed while it wrote this line

    def get(self, clip: Clip) -> Kept | None:
        """What is kept of a clip; None where there is nothing, or the clip's file has changed since."""
        return self._kept.get(_state(clip))

    def add(self, clip: Clip, kept: Kept) -> None:
        """Keep something of a clip: it is on disk when this returns."""
        state = _state(clip)
        line = msgspec.json.encode(Line(state, kept)) + b"\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with open(self.path, "ab") as file:
                file.write(line if self._ends_in_line else b"\n" + line)
        except OSError as error:
            raise TrainingError(
                f"cannot write the cache {self.path}: {error.strerror}; `--work DIR` puts it elsewhere"
            ) from None
        self._ends_in_line = True
        self._kept[state] = kept


def each_kept(
    cache: ClipCache[Kept],
    clips: Sequence[Clip],
    make: Callable[[Clip], Kept],
    on_clip: Callable[[], None] = lambda: None,
) -> Iterator[tuple[Clip, Kept]]:
    """Each clip with what is kept of it, which is made where there is nothing yet.

    After Ctrl+C the current clip is finished and kept, and Interrupted says how to go on.
    """
    with StopRequest() as stop:
        for done, clip in enumerate(clips):
            kept = cache.get(clip)
            if kept is None:
                if stop.wanted:
                    raise Interrupted(
                        f"stopped after {done} of {len(clips)} clips; the same command goes on from there"
                    )
                kept = make(clip)
                cache.add(clip, kept)
            on_clip()
            yield clip, kept


def cache_path(work: Path, what: str, card: Card, folder: Path, settings: object) -> Path:
    """The file of a cache. Its name changes with the model in `folder`, its calibration, the settings, and the code."""
    calibration, weights = msgspec.json.encode(card.calibration), card.weights_sha256 or _files(folder)
    parts = [what, card.id, weights, _code(), msgspec.json.encode(settings).decode(), calibration.decode()]
    key = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
    return work / f"{what}-{''.join(c if c.isalnum() else '-' for c in card.id)}-{key}.jsonl"


def _files(folder: Path) -> str:
    """The state of the files of a public checkpoint, of whose weights no digest is known."""
    states = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(folder.glob("*"))]
    return msgspec.json.encode(states).decode()


def _code() -> str:
    digest = hashlib.sha256()
    for folder in CODE:
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _state(clip: Clip) -> str:
    stat = os.stat(clip.path)
    return f"{clip.corpus}/{clip.name} {clip.path.suffix} {stat.st_size} {stat.st_mtime_ns}"
