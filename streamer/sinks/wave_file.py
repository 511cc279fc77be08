"""What was heard, as a WAV file that is whole after every write. Only when asked for: audio is never kept otherwise."""

import struct
import wave
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from ..protocol.errors import InputError, UsageError


class WaveFile:
    """16-bit PCM at the source's own rate and channels. Never overwrites another file.

    The standard library's writer sets the header right after each block, so a kill leaves a file that plays.
    """

    def __init__(self, path: Path, sample_rate: int, channels: int) -> None:
        self.path = path
        if path.suffix.lower() not in (".wav", ".wave"):
            raise UsageError(f"--record-audio {path}: only .wav files are written")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._raw = open(path, "xb")  # noqa: SIM115 - closed by the context manager
        except FileExistsError:
            raise InputError(f"{path}: exists already; audio is never overwritten, choose another place") from None
        except OSError as error:
            raise InputError(f"{path}: cannot be written: {error.strerror}") from None
        self._file = wave.open(self._raw, "wb")  # noqa: SIM115
        self._file.setnchannels(channels)
        self._file.setsampwidth(2)
        self._file.setframerate(sample_rate)
        self._broken = False

    def write(self, samples: npt.NDArray[np.float32]) -> None:
        """More samples (n, channels) in [-1, 1]. InputError when the disk is full or the file reached 4 GB."""
        pcm = (np.clip(samples, -1.0, 1.0) * 32_767.0).astype("<i2").tobytes()
        try:
            self._file.writeframes(pcm)
            self._raw.flush()
        except (OSError, struct.error) as error:
            self._broken = True
            reason = getattr(error, "strerror", None) or "a WAV file holds no more than 4 GB"
            raise InputError(f"{self.path}: the audio stops here: {reason}; what came before is whole") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._file.close()
            self._raw.close()
        except (OSError, struct.error):
            if not self._broken:
                raise
