"""Captured audio as a WAV file that is complete after each write. Audio is recorded only on request."""

import struct
import wave
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from ..protocol.errors import InputError, UsageError


class WaveFile:
    """16-bit PCM with the source's sample rate and channels. Never overwrites another file.

    The standard library's writer updates the header after each block, so the file is playable even after a kill.
    """

    def __init__(self, path: Path, sample_rate: int, channels: int) -> None:
        self.path = path
        if path.suffix.lower() not in (".wav", ".wave"):
            raise UsageError(f"--record-audio {path}: the suffix must be .wav")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._raw = open(path, "xb")  # noqa: SIM115 - closed by the context manager
        except FileExistsError:
            raise InputError(f"{path}: exists already; audio is never overwritten; choose another path") from None
        except OSError as error:
            raise InputError(f"{path}: cannot be written: {error.strerror}") from None
        self._file = wave.open(self._raw, "wb")  # noqa: SIM115
        self._file.setnchannels(channels)
        self._file.setsampwidth(2)
        self._file.setframerate(sample_rate)
        self._failed = False

    def write(self, samples: npt.NDArray[np.float32]) -> None:
        """Append samples (n, channels) in [-1, 1]. InputError when the disk is full or the file reached 4 GB."""
        pcm = (np.clip(samples, -1.0, 1.0) * 32_767.0).astype("<i2").tobytes()
        try:
            self._file.writeframes(pcm)
            self._raw.flush()
        except (OSError, struct.error) as error:
            self._failed = True
            reason = getattr(error, "strerror", None) or "a WAV file cannot be larger than 4 GB"
            raise InputError(
                f"{self.path}: the audio stops here: {reason}; the audio before that is complete"
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._file.close()
            self._raw.close()
        except (OSError, struct.error):
            if not self._failed:
                raise
