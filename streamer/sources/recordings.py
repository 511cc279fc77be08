"""Recordings as blocks of samples, whatever the file's kind, rate and channels."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np
import numpy.typing as npt
import soxr

from ..protocol.errors import UnreadableAudio
from ..protocol.text import clean, printable
from ..session.intake import is_plausible
from .channels import Held, Mixer, recut
from .decoder import Damaged, NotAudio, Samples
from .ffmpeg_decoder import FfmpegDecoder
from .input_format import AS_IT_IS, WITHOUT_SAMPLES, InputFormat
from .pcm_decoder import PcmDecoder

RATES = range(8_000, 192_001)
LOW_RATE, HIGH_RATE = 16_000, 48_000  # to which others are resampled: below and above `RATES`
BELIEVED = range(1_000, 768_001)  # Hz; a header that says anything else is wrong
CHANNELS = range(1, 33)
STDIN = Path("-")
STEP_S = 0.5  # mixed and resampled in steps of this, so that the size of the blocks changes nothing


@dataclass
class Heard:
    """What is only known while a recording is read.

    read       samples per channel so far, at the file's rate
    cancelled  the second at which the channels were found to cancel each other out; None if they do not
    """

    read: int = 0
    cancelled: float | None = None
    mixer: Mixer = field(default_factory=Mixer)


class Recording:
    """An audio file, read block by block: PCM and FLAC with soundfile (libsndfile), everything else with PyAV (FFmpeg).

    path    a file, a pipe, or `-` for standard input
    format  which channels are read, and what the samples are where no header says it

    Raises UnreadableAudio when the file is missing or empty, is not audio, or has too many channels. Rates outside
    `RATES` are resampled.
    """

    def __init__(self, path: Path, format: InputFormat = AS_IT_IS) -> None:
        self.path, self.format = path, format
        self.heard = Heard()
        self._name = "standard input" if path == STDIN else clean(printable(path))
        self._raw = self._open()
        try:
            self._decoder = format.open(self._raw)
        except NotAudio as error:
            self._raw.close()
            raise self._no_audio(str(error)) from None
        except OSError as error:
            self._raw.close()
            raise UnreadableAudio(f"{self._name}: cannot be read: {error.strerror}") from None
        try:
            self._check_header()
        except UnreadableAudio:
            self.close()
            raise

    @property
    def sample_rate(self) -> int:
        """Sample rate of the blocks, Hz."""
        rate = self._decoder.sample_rate
        return rate if rate in RATES else LOW_RATE if rate < RATES[0] else HIGH_RATE

    @property
    def file_rate(self) -> int:
        """Sample rate of the file, Hz, in which `declared` counts."""
        return self._decoder.sample_rate

    @property
    def channels(self) -> int:
        """Number of channels of the blocks."""
        return self._decoder.channels if self.format.channels == "split" else 1

    @property
    def sixteen_bits(self) -> bool:
        """The samples have at most 16 bits, so int16 represents them exactly."""
        mixed = self.format.channels == "mix" and self._decoder.channels > 1
        return self._decoder.sixteen_bits and not mixed and self.sample_rate == self._decoder.sample_rate

    @property
    def declared(self) -> int | None:
        """Samples per channel that the file's header promises, at the file's rate; None where it is unknown.

        A truncated file has fewer.
        """
        return self._decoder.declared

    def blocks(self, seconds: float) -> Iterator[npt.NDArray[np.float32]]:
        """The samples (n, channels) in [-1, 1], `seconds` at a time.

        Raises UnreadableAudio when the file has no samples, and, after the last readable block, when it is shorter than
        its header says, has parts that cannot be decoded, or a sample that is NaN, infinite or far out of range.
        """
        try:
            yield from recut(self._resampled(), max(1, round(seconds * self.sample_rate)))
        except Damaged as error:
            raise self._damaged(error) from None
        if self.heard.read == 0:
            raise UnreadableAudio(f"{self._name}: has no samples")

    def _resampled(self) -> Iterator[Samples]:
        """The channels that are heard, at a rate of `RATES`."""
        rate = self._decoder.sample_rate
        stream = None
        if rate != self.sample_rate:
            stream = soxr.ResampleStream(rate, self.sample_rate, self.channels, dtype="float32")
        steps = Held(recut(self._plausible(), max(1, round(STEP_S * rate))))
        for step in steps:
            self.heard.read += len(step)
            chosen = self._choose(step)
            yield chosen if stream is None else stream.resample_chunk(chosen).reshape(-1, self.channels)
        if stream is not None:
            rest = stream.resample_chunk(np.zeros((0, self.channels), np.float32), last=True)
            yield rest.reshape(-1, self.channels)
        steps.settle()

    def _choose(self, samples: Samples) -> Samples:
        channels = self.format.channels
        if channels == "split":
            return samples
        if channels != "mix":
            return samples[:, channels : channels + 1]
        mixed = self.heard.mixer.mix(samples)
        if self.heard.mixer.chosen is not None and self.heard.cancelled is None:
            self.heard.cancelled = (self.heard.read - len(samples)) / self._decoder.sample_rate
        return mixed

    def _plausible(self) -> Iterator[Samples]:
        for block in self._decoded():
            wrong = ~is_plausible(block)
            if not wrong.any():
                yield block
                continue
            if good := int(wrong.argmax()):
                yield block[:good]
            raise Damaged("the next sample is not a valid number")

    def _decoded(self) -> Iterator[Samples]:
        """The decoder's blocks. Where libsndfile stops early, FFmpeg goes on, as it reads what is left of a file."""
        first, read = self._decoder, 0
        try:
            for block in first.blocks():
                read += len(block)
                yield block
            return
        except Damaged as error:
            failure = error
        if not isinstance(first, PcmDecoder):
            raise failure
        self._raw.seek(0)
        try:
            second = FfmpegDecoder(self._raw)
        except NotAudio:
            raise failure from None
        if (second.sample_rate, second.channels) != (first.sample_rate, first.channels):
            raise failure
        skip = read
        for block in second.blocks():
            if len(block) > skip:
                read += len(block) - skip
                yield block[skip:]
            skip = max(0, skip - len(block))
        if first.exact and first.declared is not None and read < first.declared:
            raise failure

    def _damaged(self, error: Damaged) -> UnreadableAudio:
        if not error.ends:
            return UnreadableAudio(f"{self._name}: {error}")
        rate = self._decoder.sample_rate
        promised = "" if self.declared is None else f" of {self.declared / rate:.2f} s"
        return UnreadableAudio(
            f"{self._name}: breaks off at {self.heard.read / rate:.2f} s{promised} ({error}); "
            "the audio before that was read"
        )

    def _open(self) -> BinaryIO:
        if self.path == STDIN:
            return open(sys.stdin.fileno(), "rb", buffering=0, closefd=False)
        try:
            if self.path.is_dir():
                raise UnreadableAudio(f"{self._name}: is a folder, not a recording")
            return open(self.path, "rb", buffering=0)
        except FileNotFoundError:
            raise UnreadableAudio(f"{self._name}: no such file") from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UnreadableAudio(f"{self._name}: cannot be opened: {reason}") from None

    def _no_audio(self, reason: str) -> UnreadableAudio:
        if reason in WITHOUT_SAMPLES:
            return UnreadableAudio(f"{self._name}: {reason}")
        return UnreadableAudio(
            f"{self._name}: not a readable recording ({reason}); WAV, FLAC and whatever FFmpeg decodes are read; "
            "samples without a header need --encoding and --rate"
        )

    def _check_header(self) -> None:
        """UnreadableAudio for a rate that no recording has, and for channels that cannot be read."""
        if self.file_rate not in BELIEVED:
            raise UnreadableAudio(
                f"{self._name}: its header says {self.file_rate} Hz, which no recording of speech has; if it holds "
                "samples all the same, name what they are with --encoding and --rate"
            )
        there, wanted = self._decoder.channels, self.format.channels
        if isinstance(wanted, int) and wanted >= there:
            raise UnreadableAudio(
                f"{self._name}: has {there} channel{'s' * (there != 1)}, counted from 0, and so none of number {wanted}"
            )
        if not isinstance(wanted, int) and there not in CHANNELS:
            raise UnreadableAudio(
                f"{self._name}: {there} channels; up to {CHANNELS[-1]} are mixed or split; choose one with --channels N"
            )

    def close(self) -> None:
        """Close the file."""
        self._decoder.close()
        self._raw.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
