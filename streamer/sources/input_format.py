"""What the options say of recordings, and which decoder reads a file."""

import os
import stat
from dataclasses import dataclass
from typing import BinaryIO, Literal

from .cut import INDEX_MISSING, CutFile, has_index, is_cut
from .decoder import Decoder, NotAudio
from .ffmpeg_decoder import FfmpegDecoder
from .pcm_decoder import PcmDecoder
from .streams import GrowingFile, OneWay

WITHOUT_SAMPLES = ("the file is empty", "has no samples")

Channels = Literal["mix", "split"] | int

RAW = {
    "pcm_s16le": "s16le", "pcm_s24le": "s24le", "pcm_s32le": "s32le", "pcm_f32le": "f32le", "pcm_u8": "u8",
    "mulaw": "mulaw", "alaw": "alaw",
}  # fmt: skip
"""Encodings of samples without a header, and what FFmpeg calls them."""


@dataclass(frozen=True)
class InputFormat:
    """How to read recordings.

    channels     `mix` makes one of them, `split` gives all, a number only that one, counted from 0
    encoding     of samples without a header, one of `RAW`; None where files say what they are
    sample_rate  of such samples, Hz
    interleaved  channels of such samples
    follow       wait for more at the end of a file, which another process still writes
    """

    channels: Channels = "mix"
    encoding: str | None = None
    sample_rate: int = 16_000
    interleaved: int = 1
    follow: bool = False

    def open(self, file: BinaryIO) -> Decoder:
        """The decoder of a file, a pipe, or a file that grows. NotAudio where there is none."""
        regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
        source = GrowingFile(file) if self.follow and regular else file if regular else OneWay(file)
        if self.encoding is not None:
            layout = f"{self.interleaved}c" if self.interleaved > 2 else ("mono", "stereo")[self.interleaved - 1]
            options = {"sample_rate": str(self.sample_rate), "ch_layout": layout}
            return FfmpegDecoder(source, RAW[self.encoding], options)
        if source is not file:
            return FfmpegDecoder(source)
        if os.fstat(file.fileno()).st_size == 0:
            raise NotAudio("the file is empty")
        return _open_regular(file)


AS_IT_IS = InputFormat()


def _open_regular(file: BinaryIO) -> Decoder:
    """libsndfile for PCM and FLAC, FFmpeg for everything else, and for what libsndfile calls empty."""
    head = file.read(8)
    file.seek(0)
    compressed = head[:4] == b"OggS" or head[:3] == b"ID3" or (head[:1] == b"\xff" and head[1:2] >= b"\xe0")
    reason = ""
    if not compressed:
        try:
            return PcmDecoder(file)
        except NotAudio as error:
            reason = str(error)
            file.seek(0)
    cut = is_cut(file)
    try:
        decoder = FfmpegDecoder(file)
    except NotAudio as error:
        if has_index(head) and "invalid data" in str(error):
            raise NotAudio(INDEX_MISSING) from None
        raise NotAudio(reason if reason in WITHOUT_SAMPLES else str(error)) from None
    return CutFile(decoder) if cut else decoder
