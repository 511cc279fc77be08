"""Recordings as blocks of samples, whatever the file's rate and channels."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
import soundfile

from ..protocol.errors import UnreadableAudio
from ..session.intake import is_plausible

SUFFIXES = {".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif", ".aifc", ".au", ".caf", ".w64", ".rf64"}
"""What a folder is searched for; a file that is named is tried whatever its name."""

CUT = re.compile(r"(?:data|SSND)\s*:\s*(\d+) \(should be (\d+)\)")
UNKNOWN_FRAMES = 2**62
UNKNOWN_SIZE = 0x7FFF_0000  # what programs that write to a pipe put there: all ones, or half of that


RATES = range(8_000, 192_001)
CHANNELS = range(1, 33)


class Recording:
    """An audio file, read block by block with soundfile (libsndfile).

    Raises UnreadableAudio when the file is missing, empty, no audio, or of a rate or number of channels that no
    session takes.
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
            # By its number, not its name: a name need not be text that libsndfile can take.
            self._file = soundfile.SoundFile(self._raw.fileno(), closefd=False)
            self._accept()
        except (soundfile.LibsndfileError, OSError) as error:
            self._raw.close()
            reason = getattr(error, "error_string", None) or str(error)
            raise UnreadableAudio(
                f"{path}: not a recording that can be read ({reason.strip().rstrip('.')}); "
                "WAV, FLAC, Ogg, Opus and MP3 can; convert others with ffmpeg"
            ) from None
        except UnreadableAudio:
            self._raw.close()
            raise

    def _accept(self) -> None:
        if self.sample_rate not in RATES or self.channels not in CHANNELS:
            raise UnreadableAudio(
                f"{self.path}: {self.sample_rate} Hz, {self.channels} channels; {RATES[0]} to {RATES[-1]} Hz and up "
                f"to {CHANNELS[-1]} channels can be read"
            )

    @property
    def sample_rate(self) -> int:
        return int(self._file.samplerate)

    @property
    def channels(self) -> int:
        return int(self._file.channels)

    @property
    def sixteen_bits(self) -> bool:
        """Samples have no more than that: as int16 they lose nothing."""
        return self._file.subtype in ("PCM_16", "PCM_S8", "PCM_U8", "ULAW", "ALAW")

    @property
    def declared(self) -> int | None:
        """Samples a channel that the file's header promises, None where it does not know; a broken file holds less.

        For a WAV or AIFF file that was cut, libsndfile mends the number and says so in its log alone; a size that was
        never known (from a program that wrote to a pipe) is no promise.
        """
        frames = int(self._file.frames)
        if frames >= UNKNOWN_FRAMES:
            return None
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
                block = self._read(size)
            except (soundfile.LibsndfileError, OSError) as error:
                raise self._broken(heard, str(error)) from None
            wrong = ~is_plausible(block)
            good = int(wrong.argmax()) if wrong.any() else len(block)
            heard += good
            if good:
                yield block[:good]
            if good < len(block):
                raise self._broken(heard, "the next sample is no number that sound can have")
            if len(block) < size:
                break
        if self.declared is not None and heard < self.declared:
            raise self._broken(heard, "the file ends there")
        if heard == 0:
            raise UnreadableAudio(f"{self.path}: holds no samples")

    def _read(self, size: int) -> npt.NDArray[np.float32]:
        """The next `size` samples a channel, fewer at the end."""
        if self.declared is not None:
            whole: npt.NDArray[np.float32] = self._file.read(size, dtype="float32", always_2d=True)
            return whole
        # Without a known length libsndfile fails where a read crosses the end, instead of giving what is there: so in
        # small steps, the last of which is all that can be lost.
        step, parts = max(1, self.sample_rate // 100), []
        for begin in range(0, size, step):
            try:
                parts.append(self._file.read(min(step, size - begin), dtype="float32", always_2d=True))
            except soundfile.LibsndfileError:
                break
        return np.concatenate(parts) if parts else np.zeros((0, self.channels), np.float32)

    def _broken(self, heard: int, reason: str) -> UnreadableAudio:
        promised = "" if self.declared is None else f" of {self.declared / self.sample_rate:.2f} s"
        return UnreadableAudio(
            f"{self.path}: breaks off at {heard / self.sample_rate:.2f} s{promised} "
            f"({reason.strip().rstrip('.')}); what came before was read"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._raw.close()


def recordings(paths: list[Path]) -> list[Path]:
    """The files to read, in order: a folder gives the recordings in it, recursively and sorted; a file gives itself."""
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
