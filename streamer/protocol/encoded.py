"""Recognises compressed sound by its first bytes, where samples are expected."""

HEAD_BYTES = 4_096  # from the beginning of a stream; the formats that are searched for show themselves earlier

# Of every format whose streams begin with the same bytes. (Bytes, where they stand, name)
MARKS = (
    (b"\x1a\x45\xdf\xa3", 0, "WebM or Matroska"),
    (b"OggS", 0, "Ogg"),
    (b"fLaC", 0, "FLAC"),
    (b"ID3", 0, "MP3"),
    (b"ftyp", 4, "MP4"),
)

# kbit/s by index, for layer III (ISO/IEC 11172-3, table 2.4.2.3; ISO/IEC 13818-3 for half the rates)
MPEG1 = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
MPEG2 = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
RATES = (44_100, 48_000, 32_000)


def encoded_format(head: bytes) -> str:
    """The name of the compressed format that a stream begins with; "" where it may be samples.

    MP3 and AAC frames begin with eleven or twelve bits that samples have too, so two whole headers are needed, one
    frame apart.
    """
    for mark, place, name in MARKS:
        if head[place : place + len(mark)] == mark:
            return name
    if (length := _mp3_frame(head)) and _mp3_frame(head[length:]):
        return "MP3"
    if (length := _adts_frame(head)) and _adts_frame(head[length:]):
        return "AAC"
    return ""


def _mp3_frame(data: bytes) -> int:
    """Length in bytes of the MP3 frame that begins here; 0 where none does."""
    if len(data) < 4 or data[0] != 0xFF or data[1] & 0xE6 != 0xE2:
        return 0
    version, bit_rate, rate = data[1] >> 3 & 3, data[2] >> 4, data[2] >> 2 & 3
    if version == 1 or not 0 < bit_rate < 15 or rate == 3:
        return 0
    first = version == 3
    hz = RATES[rate] >> (0 if first else 1 if version == 2 else 2)
    bits = 1_000 * (MPEG1 if first else MPEG2)[bit_rate - 1]
    return (144 if first else 72) * bits // hz + (data[2] >> 1 & 1)


def _adts_frame(data: bytes) -> int:
    """Length in bytes of the ADTS frame of AAC that begins here (ISO/IEC 14496-3, 1.A.2.2); 0 where none does."""
    if len(data) < 7 or data[0] != 0xFF or data[1] & 0xF6 != 0xF0 or data[2] >> 2 & 15 > 12:
        return 0
    length = (data[3] & 3) << 11 | data[4] << 3 | data[5] >> 5
    return length if length > 7 else 0
