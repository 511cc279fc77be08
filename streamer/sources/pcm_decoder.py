"""PCM and FLAC by libsndfile: exact, and without a copy of the samples in another format."""

import re
from collections.abc import Iterator
from typing import BinaryIO

import soundfile

from .decoder import Damaged, NotAudio, Samples

TRUNCATED = re.compile(r"(?:data|SSND|Data Size|Riff size|riff)\s*:\s*(\d+) \(should be (\d+)\)")
UNKNOWN_FRAMES = 2**62
UNKNOWN_SIZE = 0x7FFF_0000  # programs that write to a pipe store a placeholder: the largest value, or about half of it
NOT_OURS = ("OGG", "MPEG", "VOC")
"""Of a chain of Ogg files libsndfile reads the first, its MP3 library prints on the terminal, and it takes the heads of
VOC's blocks for samples."""

MP3 = "MPEG_LAYER"  # which WAV holds too
BLOCK_S = 1.0


class PcmDecoder:
    """A file of libsndfile, except Ogg, VOC, and MP3 in whatever container. NotAudio for every other file."""

    def __init__(self, file: BinaryIO) -> None:
        try:
            # Open by descriptor: libsndfile does not accept every file name.
            self._file = soundfile.SoundFile(file.fileno(), closefd=False)
        except (soundfile.LibsndfileError, OSError) as error:
            raise NotAudio((getattr(error, "error_string", None) or str(error)).strip().rstrip(".")) from None
        self.sample_rate, self.channels = int(self._file.samplerate), int(self._file.channels)
        self.sixteen_bits = self._file.subtype in ("PCM_16", "PCM_S8", "PCM_U8", "ULAW", "ALAW")
        self.exact = self._file.format != "FLAC"  # what is missing at the end is missing; FLAC has frames
        self.declared = self._declared()
        if self._file.format in NOT_OURS or self._file.subtype.startswith(MP3) or not self.declared:
            self._file.close()
            raise NotAudio("has no samples")

    def _declared(self) -> int | None:
        """Of a truncated file (WAV, RF64, W64, AIFF, AU) libsndfile corrects it, and logs what the header says.

        A placeholder size, written by a program whose output was a pipe, does not count.
        """
        frames = int(self._file.frames)
        if frames >= UNKNOWN_FRAMES:
            return None
        cut = TRUNCATED.search(self._file.extra_info)
        if cut is None:
            return frames
        promised, there = int(cut[1]), int(cut[2])
        return frames if promised >= UNKNOWN_SIZE else max(frames, round(frames * promised / max(1, there)))

    def blocks(self) -> Iterator[Samples]:
        """As `Decoder.blocks`."""
        assert self.declared is not None
        size, read = max(1, round(BLOCK_S * self.sample_rate)), 0
        while True:
            try:
                block: Samples = self._file.read(size, dtype="float32", always_2d=True)
            except (soundfile.LibsndfileError, OSError) as error:
                raise Damaged(str(error).strip().rstrip(".")) from None
            read += len(block)
            if len(block):
                yield block
            if len(block) < size:
                break
        if read < self.declared:
            raise Damaged("the file ends there")

    def close(self) -> None:
        """Close the file of libsndfile; the descriptor stays open."""
        self._file.close()
