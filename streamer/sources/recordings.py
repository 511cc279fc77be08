"""Recordings as blocks of samples, whatever the file's rate and channels."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
import soundfile

from ..protocol.errors import UnreadableAudio
from ..session.intake import is_plausible

SUFFIXES = {".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif", ".aifc", ".au", ".caf", ".w64", ".rf64"}
"""Suffixes of the files that are read from a folder. A file given by name is tried whatever its suffix."""

TRUNCATED = re.compile(r"(?:data|SSND)\s*:\s*(\d+) \(should be (\d+)\)")
UNKNOWN_FRAMES = 2**62
UNKNOWN_SIZE = 0x7FFF_0000  # programs that write to a pipe store a placeholder: the largest value, or about half of it


RATES = range(8_000, 192_001)
CHANNELS = range(1, 33)


class Recording:
    """An audio file, read block by block with soundfile (libsndfile).

    Raises UnreadableAudio when the file is missing or empty, is not audio, or has an unsupported sample rate or number
    of channels.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            if path.is_dir():
                raise UnreadableAudio(f"{path}: is a folder, not a recording")
            self._raw = open(path, "rb")  # noqa: SIM115 - closed by the context manager
        except FileNotFoundError:
            raise UnreadableAudio(f"{path}: no such file") from None
        except (OSError, ValueError) as error:
            raise UnreadableAudio(f"{path}: cannot be opened: {getattr(error, 'strerror', None) or error}") from None
        try:
            if path.stat().st_size == 0:
                raise UnreadableAudio(f"{path}: the file is empty")
            # Open by descriptor: libsndfile does not accept every file name.
            self._file = soundfile.SoundFile(self._raw.fileno(), closefd=False)
            self._check_format()
        except (soundfile.LibsndfileError, OSError) as error:
            self._raw.close()
            reason = getattr(error, "error_string", None) or str(error)
            raise UnreadableAudio(
                f"{path}: not a readable recording ({reason.strip().rstrip('.')}); "
                "WAV, FLAC, Ogg, Opus and MP3 are supported; convert other files with ffmpeg"
            ) from None
        except UnreadableAudio:
            self._raw.close()
            raise

    def _check_format(self) -> None:
        if self.sample_rate not in RATES or self.channels not in CHANNELS:
            raise UnreadableAudio(
                f"{self.path}: {self.sample_rate} Hz, {self.channels} channels; supported are {RATES[0]} to "
                f"{RATES[-1]} Hz and up to {CHANNELS[-1]} channels"
            )

    @property
    def sample_rate(self) -> int:
        """Sample rate, Hz."""
        return int(self._file.samplerate)

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self._file.channels)

    @property
    def sixteen_bits(self) -> bool:
        """The samples have at most 16 bits, so int16 represents them exactly."""
        return self._file.subtype in ("PCM_16", "PCM_S8", "PCM_U8", "ULAW", "ALAW")

    @property
    def declared(self) -> int | None:
        """Number of samples per channel in the file's header, None where it is unknown. A truncated file has fewer.

        For a truncated WAV or AIFF file libsndfile corrects the number, and mentions the original only in its log. A
        placeholder size, written by a program whose output was a pipe, does not count.
        """
        frames = int(self._file.frames)
        if frames >= UNKNOWN_FRAMES:
            return None
        cut = TRUNCATED.search(self._file.extra_info)
        if cut is None:
            return frames
        promised, there = int(cut[1]), int(cut[2])
        return frames if promised >= UNKNOWN_SIZE else max(frames, round(frames * promised / max(1, there)))

    def blocks(self, seconds: float) -> Iterator[npt.NDArray[np.float32]]:
        """The samples (n, channels) in [-1, 1], `seconds` at a time.

        Raises UnreadableAudio when the file has no samples, and, after the last readable block, when it is shorter than
        its header says or has a sample that is NaN, infinite or far out of range.
        """
        size = max(1, round(seconds * self.sample_rate))
        read = 0
        while True:
            try:
                block = self._read(size)
            except (soundfile.LibsndfileError, OSError) as error:
                raise self._truncated(read, str(error)) from None
            wrong = ~is_plausible(block)
            good = int(wrong.argmax()) if wrong.any() else len(block)
            read += good
            if good:
                yield block[:good]
            if good < len(block):
                raise self._truncated(read, "the next sample is not a valid number")
            if len(block) < size:
                break
        if self.declared is not None and read < self.declared:
            raise self._truncated(read, "the file ends there")
        if read == 0:
            raise UnreadableAudio(f"{self.path}: has no samples")

    def _read(self, size: int) -> npt.NDArray[np.float32]:
        """The next `size` samples a channel, fewer at the end."""
        if self.declared is not None:
            whole: npt.NDArray[np.float32] = self._file.read(size, dtype="float32", always_2d=True)
            return whole
        # Without a known length, a read across the end fails in libsndfile instead of returning the last samples. Small
        # steps bound the loss to one step.
        step, parts = max(1, self.sample_rate // 100), []
        for begin in range(0, size, step):
            try:
                parts.append(self._file.read(min(step, size - begin), dtype="float32", always_2d=True))
            except soundfile.LibsndfileError:
                break
        return np.concatenate(parts) if parts else np.zeros((0, self.channels), np.float32)

    def _truncated(self, read: int, reason: str) -> UnreadableAudio:
        promised = "" if self.declared is None else f" of {self.declared / self.sample_rate:.2f} s"
        return UnreadableAudio(
            f"{self.path}: breaks off at {read / self.sample_rate:.2f} s{promised} "
            f"({reason.strip().rstrip('.')}); the audio before that was read"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._raw.close()


def recordings(paths: Sequence[Path]) -> list[Path]:
    """The files to read, in order. A folder stands for the recordings in it, searched recursively and sorted."""
    found: list[Path] = []
    for path in paths:
        try:
            inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES) if path.is_dir() else [path]
        except OSError as error:
            raise UnreadableAudio(f"{path}: cannot be searched: {error.strerror}") from None
        if not inside:
            raise UnreadableAudio(f"{path}: no recordings in this folder ({', '.join(sorted(SUFFIXES))})")
        found += inside
    return found
