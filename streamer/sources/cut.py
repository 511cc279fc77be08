"""Whether a file was cut: its container says how many bytes it has, and there are fewer."""

import os
from collections.abc import Iterator
from typing import BinaryIO

from .decoder import Damaged, Decoder, Samples

HEAD = 8_192  # bytes in which the sizes stand
PLACEHOLDER = 0x7FFF_0000  # a size of 32 bits that a program stores which does not know it
ASF_FILE = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")  # GUID of the file properties (ASF specification, 3.2)
SEGMENT = bytes.fromhex("18538067")  # RFC 9559, 5.1: the element of Matroska that holds everything behind the header
INDEX_MISSING = "its index is missing, which stands at the end of such a file: it was cut, or is still being written"


class CutFile:
    """A decoder of a file of which the end is missing: it gives what there is, and then Damaged."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self.sample_rate, self.channels = decoder.sample_rate, decoder.channels
        self.sixteen_bits = decoder.sixteen_bits
        self.declared: int | None = None  # FFmpeg may have counted what is left

    def blocks(self) -> Iterator[Samples]:
        """The blocks that are there; then Damaged."""
        yield from self._decoder.blocks()
        raise Damaged("the file ends there")

    def close(self) -> None:
        """Close what the decoder has opened."""
        self._decoder.close()


def is_cut(file: BinaryIO) -> bool:
    """Whether the container says so. The file is at its beginning afterwards."""
    size = os.fstat(file.fileno()).st_size
    head = file.read(HEAD)
    file.seek(0)
    if head[:4] == b"OggS":
        return _ends_within_a_page(file, size)
    promised = promised_size(head)
    return promised is not None and size + 1 < promised  # a byte of padding is often missing


def has_index(head: bytes) -> bool:
    """Whether a file begins as MP4, QuickTime, 3GP and CAF do, whose index may stand behind the sound."""
    return head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free") or head[:4] == b"caff"


def promised_size(head: bytes) -> int | None:
    """The bytes that a file has by its first ones: AVI, ASF, CAF and Matroska; None where they say nothing."""
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        return _known(8 + int.from_bytes(head[4:8], "little"))
    if head[:4] == b"caff":
        return _caf_size(head)
    if (at := head.find(ASF_FILE)) >= 0:
        return int.from_bytes(head[at + 40 : at + 48], "little") or None
    if head[:4] == b"\x1a\x45\xdf\xa3" and (at := head.find(SEGMENT)) >= 0:
        return _segment_end(head, at + len(SEGMENT))
    return None


def _known(size: int) -> int | None:
    return size if 8 < size < PLACEHOLDER else None


def _caf_size(head: bytes) -> int | None:
    """To the end of the chunk of sound (Apple Core Audio Format Specification, "Audio Data chunk"); -1 is unknown."""
    at = 8
    while at + 12 <= len(head):
        size = int.from_bytes(head[at + 4 : at + 12], "big", signed=True)
        if size < 0:
            return None
        if head[at : at + 4] == b"data":
            return at + 12 + size
        at += 12 + size
    return None


def _segment_end(head: bytes, at: int) -> int | None:
    """The end of an element whose size stands at `at` (RFC 8794, section 4); None where all its bits are 1, unknown."""
    first = head[at] if at < len(head) else 0
    length = 9 - first.bit_length()
    bits = 7 * length
    size = int.from_bytes(head[at : at + length], "big") & ((1 << bits) - 1)
    return None if not first or size == (1 << bits) - 1 else at + length + size


def _ends_within_a_page(file: BinaryIO, size: int) -> bool:
    """Whether an Ogg file was cut in the middle of its last page, which FFmpeg does not tell."""
    file.seek(max(0, size - 0x11000))
    tail = file.read()
    file.seek(0)
    at = tail.rfind(b"OggS")
    if at < 0:
        return False
    page = tail[at:]
    segments = page[26] if len(page) > 26 else 0
    return len(page) < 27 + segments or len(page) < 27 + segments + sum(page[27 : 27 + segments])
