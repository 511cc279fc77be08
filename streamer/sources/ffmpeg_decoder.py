"""Everything that FFmpeg decodes, through PyAV: compressed sound, videos, chained files, and streams without an end.

Packets are decoded one after the other, so memory does not grow with the file. FFmpeg leaves out what an encoder put
before the first sample, where the container says how much that is (edit lists, codec delay, the LAME tag, pre-skip).
"""

import errno
import re
from collections.abc import Iterator, Mapping
from typing import Any

import av
import av.error
import numpy as np
import soxr

from .decoder import Damaged, NotAudio, Samples
from .pcm_decoder import UNKNOWN_SIZE

# Nothing that reads other files or addresses (playlists, `concat`, scripts): a recording is one file.
FORMATS = (
    "aac,ac3,adts,aiff,alaw,amr,amrnb,amrwb,ape,asf,au,avi,caf,dts,eac3,f32le,flac,flv,g722,gsm,matroska,mov,mp3,mpeg,"
    "mpegts,mulaw,mxf,ogg,oma,rm,s16le,s24le,s32le,tak,tta,u8,voc,w64,wav,wv,xwma"
)
GUESSED = ("aac", "ac3", "eac3", "dts", "amr", "mpegts", "mpeg", "ogg", "avi", "gsm")
"""Formats whose length FFmpeg guesses, or takes from what is there: it says nothing about what is missing."""

CLOCKED = ("mov", "matroska", "mpegts", "avi", "flv", "asf", "flac")
"""Containers whose times count: sound that begins late, or that pauses, stays in step with the picture."""

GAP_S = 0.1  # a longer pause between two packets is silence
LONGEST_GAP_S = 3_600.0  # a longer one is a wrong time
LONGEST_SILENCE_S = 86_400.0  # of all gaps together: a file of a few KB could claim years of them
SLACK_S = 0.1
BUFFER = 1 << 18
PLANES = 8  # that a frame has room for itself; of one with more, PyAV counts planes beyond the last, and reads them


class FfmpegDecoder:
    """A file, or a stream that cannot seek. NotAudio where FFmpeg finds no sound in it.

    file     opened for reading; only `read` is used where it cannot seek
    format   FFmpeg's name of a format without a header, such as `s16le`; found out otherwise
    options  FFmpeg's options of that format
    """

    def __init__(self, file: Any, format: str | None = None, options: Mapping[str, str] | None = None) -> None:
        av.logging.set_level(None)  # a decoder's own chatter must not reach the terminal
        self._mp3_samples = _mp3_samples(file)
        try:
            self._container = av.open(
                file,
                format=format,
                options={"format_whitelist": FORMATS, "protocol_whitelist": "none", **(options or {})},
                metadata_errors="replace",
                buffer_size=BUFFER,
            )
        except (av.error.FFmpegError, ValueError) as error:
            raise NotAudio(_reason(error)) from None
        except OSError as error:
            raise NotAudio(_misled(error)) from None
        stream = self._container.streams.best("audio")
        if stream is None or stream.type != "audio":
            self._container.close()
            raise NotAudio("there is no sound in it")
        self._stream: Any = stream
        self._name = self._container.format.name.partition(",")[0]
        self._lost_at: list[float] = []  # seconds at which a packet could not be decoded
        self._lost = 0  # samples of those packets
        self._read = self._paused = 0
        self._failure = ""
        self._resampler: tuple[int, soxr.ResampleStream] | None = None
        self._packer: tuple[object, av.AudioResampler] | None = None
        self._frames = self._decoded()
        self._first = next(self._frames, None)
        if self._first is None:
            self._container.close()
            raise NotAudio("its sound cannot be decoded" if self._lost_at else self._failure or "has no samples")
        self.sample_rate = int(self._first.sample_rate)
        self.channels = int(self._first.layout.nb_channels)
        self.sixteen_bits = self._first.format.name in ("s16", "s16p", "u8", "u8p")
        self._frame_size = max(int(self._first.samples), int(stream.codec_context.frame_size or 0))
        self.declared = self._declared()

    def blocks(self) -> Iterator[Samples]:
        """As `Decoder.blocks`. A packet that cannot be decoded becomes silence, so that later times stay right."""
        frame = self._first
        while frame is not None:
            yield from self._silence(self._missing_before(frame))
            samples = self._fitted(self._samples(frame), int(frame.sample_rate))
            self._read += len(samples)
            yield samples
            lost = self._lost
            frame = next(self._frames, None)
            if frame is not None:
                yield from self._silence(self._lost - lost)
            else:
                self._lost = lost  # behind the last frame nothing is missing but what the header may promise
        self._judge()

    def close(self) -> None:
        """Close the container; the file stays open."""
        self._container.close()

    def _decoded(self) -> Iterator[Any]:
        """The frames, in order. What cannot be decoded is counted."""
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except (StopIteration, EOFError):
                return
            except av.error.FFmpegError as error:
                self._failure = _reason(error)
                return
            except IndexError:  # PyAV's, for a packet of a stream that began later than the others; it is not ours
                packets = self._container.demux(self._stream)
                continue
            except OSError as error:
                self._failure = _misled(error)
                return
            try:
                yield from packet.decode()
            except EOFError:
                return
            except av.error.FFmpegError:
                seconds = float(packet.duration * packet.time_base) if packet.duration and packet.time_base else 0.0
                rate = getattr(self, "sample_rate", 0)
                self._lost_at.append(self._read / rate if rate else 0.0)
                self._lost += round(seconds * rate)

    def _samples(self, frame: Any) -> Samples:
        """A frame's samples (n, channels) in [-1, 1]; silence where they cannot be had."""
        channels = int(frame.layout.nb_channels)
        if channels <= PLANES or not frame.format.is_planar:
            return _to_float(frame)
        kind = frame.format.name, frame.layout.name, frame.sample_rate
        try:
            if self._packer is None or self._packer[0] != kind:
                self._packer = kind, av.AudioResampler(format=frame.format.packed)
            return np.concatenate([_to_float(packed) for packed in self._packer[1].resample(frame)])
        except (av.error.FFmpegError, ValueError):
            self._packer = None
            self._lose(int(frame.samples))
            return np.zeros((int(frame.samples), channels), np.float32)

    def _silence(self, count: int) -> Iterator[Samples]:
        """So many samples of silence, a second at a time."""
        for begin in range(0, count, self.sample_rate):
            block = np.zeros((min(self.sample_rate, count - begin), self.channels), np.float32)
            self._read += len(block)
            yield block

    def _missing_before(self, frame: Any) -> int:
        """Samples between what was read and the frame's own time."""
        if self._name not in CLOCKED or frame.pts is None or frame.time_base is None:
            return 0
        begin = (self._container.start_time or 0) / av.time_base
        missing = float(frame.pts * frame.time_base) - begin - self._read / self.sample_rate
        shortest = 0.5 / self.sample_rate if self._name == "flac" else GAP_S
        if not shortest < missing < LONGEST_GAP_S:
            return 0
        count = round(missing * self.sample_rate)
        if self._paused + count > LONGEST_SILENCE_S * self.sample_rate:
            return 0
        self._paused += count
        if self._name == "flac":  # its frames follow one another: what is between two was skipped as broken
            self._lose(count)
        return count

    def _lose(self, count: int) -> None:
        """So many samples cannot be had, from here on."""
        self._lost_at.append(self._read / self.sample_rate)
        self._lost += count

    def _fitted(self, samples: Samples, rate: int) -> Samples:
        """Samples at the rate and with the channels of the first frame, where a later part of a chain has others."""
        if samples.shape[1] != self.channels:
            samples = np.repeat(samples.mean(1, keepdims=True, dtype=np.float32), self.channels, 1)
        if rate == self.sample_rate:
            return samples
        if self._resampler is None or self._resampler[0] != rate:
            self._resampler = rate, soxr.ResampleStream(rate, self.sample_rate, self.channels, dtype="float32")
        changed: Samples = self._resampler[1].resample_chunk(samples)
        return changed.reshape(-1, self.channels)

    def _declared(self) -> int | None:
        """What the header promises, where FFmpeg does not guess it."""
        stream, container = self._stream, self._container
        if self._name == "mp3":
            return self._mp3_samples
        if self._name in GUESSED or (self._name == "asf" and container.streams.video):  # the picture's length
            return None
        if stream.duration and stream.time_base:
            seconds = float(stream.duration * stream.time_base)
        elif container.duration and container.size > 0 and not container.streams.video:
            seconds = container.duration / av.time_base
        else:
            return None
        if self._name == "wav" and seconds * (stream.codec_context.bit_rate or 0) / 8 >= UNKNOWN_SIZE:
            return None
        return round(seconds * self.sample_rate)

    def _judge(self) -> None:
        """At the end: Damaged unless the file is whole. One that ends within its last frames is."""
        slack = max(3 * self._frame_size, round(SLACK_S * self.sample_rate))
        if self._failure:
            raise Damaged(self._failure)
        if self.declared is not None and self._read < self.declared - slack:
            raise Damaged("the file ends there")
        if self._lost > SLACK_S * self.sample_rate:
            parts = f"{len(self._lost_at)} part{'s' * (len(self._lost_at) != 1)}"
            raise Damaged(
                f"{parts} cannot be decoded ({self._lost / self.sample_rate:.2f} s, the first at "
                f"{self._lost_at[0]:.2f} s); silence stands there",
                ends=False,
            )


def _mp3_samples(file: Any) -> int | None:
    """Samples that the Xing or Info header of an MP3 promises; None where there is none, or the file cannot seek."""
    if not hasattr(file, "seek"):
        return None
    head = file.read(10)
    begin = 0
    if head[:3] == b"ID3" and len(head) == 10:
        begin = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
    file.seek(begin)
    frame = file.read(256)
    file.seek(0)
    tag = re.search(rb"(?:Xing|Info)\0\0\0(.)(....)", frame, re.DOTALL)
    if tag is None or not tag[1][0] & 1:
        return None
    return int.from_bytes(tag[2], "big") * (1_152 if frame[1] & 0x18 == 0x18 else 576)  # MPEG-1, or 2 and 2.5


def _to_float(frame: Any) -> Samples:
    """A frame's samples (n, channels) in [-1, 1]."""
    samples = frame.to_ndarray()
    channels = frame.layout.nb_channels
    samples = samples.T if frame.format.is_planar else samples.reshape(-1, channels)
    if samples.dtype == np.uint8:
        return (samples.astype(np.float32) - 128.0) / 128.0  # type: ignore[no-any-return]
    if np.issubdtype(samples.dtype, np.integer):
        scale = float(2 ** (8 * samples.dtype.itemsize - 1))
        return (samples / scale).astype(np.float32)  # type: ignore[no-any-return]
    return np.ascontiguousarray(samples, np.float32)


def _misled(error: OSError) -> str:
    """What is wrong with a file whose damaged header sent FFmpeg to a place that no file has; other errors go on."""
    if error.errno != errno.EINVAL:
        raise error
    return "its header names a place outside of it"


def _reason(error: Exception) -> str:
    """What FFmpeg says, without the number and the file."""
    text = getattr(error, "strerror", None) or str(error)
    return str(text).strip().rstrip(".").lower()
