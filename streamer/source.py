"""Recordings as blocks of samples, whatever the file's rate and channels."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
import soundfile

from .errors import UnreadableAudio

SUFFIXES = {".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif", ".aifc", ".au", ".caf", ".w64", ".rf64"}
"""What a folder is searched for; a file that is named is tried whatever its name."""

CUT = re.compile(r"(?:data|SSND)\s*:\s*(\d+) \(should be (\d+)\)")
UNKNOWN_SIZE = 0xFFFF_0000


class Recording:
    """An audio file, read block by block with soundfile (libsndfile).

    Raises UnreadableAudio when the file is missing, empty, or no audio.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            raise UnreadableAudio(f"{path}: no such file")
        if path.is_dir():
            raise UnreadableAudio(f"{path}: is a folder, not a recording")
        if path.stat().st_size == 0:
            raise UnreadableAudio(f"{path}: the file is empty")
        try:
            self._file = soundfile.SoundFile(path)
        except (soundfile.LibsndfileError, OSError) as error:
            reason = getattr(error, "error_string", None) or str(error)
            raise UnreadableAudio(
                f"{path}: not a recording that can be read ({reason.strip().rstrip('.')}); "
                "WAV, FLAC, Ogg, Opus and MP3 can; convert others with ffmpeg"
            ) from None

    @property
    def sample_rate(self) -> int:
        return int(self._file.samplerate)

    @property
    def channels(self) -> int:
        return int(self._file.channels)

    @property
    def declared(self) -> int:
        """Samples a channel that the file's header promises; a broken file holds less.

        For a WAV or AIFF file that was cut, libsndfile mends the number and says so in its log alone; a size that was
        never known (all ones, from a program that wrote to a pipe) is no promise.
        """
        frames = int(self._file.frames)
        cut = CUT.search(self._file.extra_info)
        if cut is None:
            return frames
        promised, there = int(cut[1]), int(cut[2])
        return frames if promised >= UNKNOWN_SIZE else max(frames, round(frames * promised / max(1, there)))

    def blocks(self, seconds: float) -> Iterator[npt.NDArray[np.float32]]:
        """The samples (n, channels), `seconds` at a time.

        UnreadableAudio when the file breaks off before its header's length or holds a sample that is no number, after
        all that could be read, and when it holds nothing.
        """
        size = max(1, round(seconds * self.sample_rate))
        heard = 0
        while True:
            try:
                block = self._file.read(size, dtype="float32", always_2d=True)
            except (soundfile.LibsndfileError, OSError) as error:
                raise self._broken(heard, str(error)) from None
            wrong = ~np.isfinite(block).all(1)
            good = int(wrong.argmax()) if wrong.any() else len(block)
            heard += good
            if good:
                yield block[:good]
            if good < len(block):
                raise self._broken(heard, "the next sample is no finite number")
            if len(block) < size:
                break
        if heard < self.declared:
            raise self._broken(heard, "the file ends there")
        if heard == 0:
            raise UnreadableAudio(f"{self.path}: holds no samples")

    def _broken(self, heard: int, reason: str) -> UnreadableAudio:
        return UnreadableAudio(
            f"{self.path}: breaks off at {heard / self.sample_rate:.2f} s of {self.declared / self.sample_rate:.2f} s "
            f"({reason.strip().rstrip('.')}); what came before was read"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def recordings(paths: list[Path]) -> list[Path]:
    """The files to read, in order: a folder gives the recordings in it, recursively and sorted; a file gives itself."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
            if not inside:
                raise UnreadableAudio(f"{path}: no recordings in this folder ({', '.join(sorted(SUFFIXES))})")
            found += inside
        else:
            found.append(path)
    return found
