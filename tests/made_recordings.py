"""Recordings in any container and codec that PyAV can write, for tests of what reads them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

FRAME = 1_024


def write(
    path: Path,
    audio: npt.NDArray[np.float32],
    codec: str,
    *,
    rate: int = 16_000,
    container: str | None = None,
    options: Mapping[str, str] | None = None,
    bit_rate: int = 0,
    sample_format: str = "",
    picture: str = "",
) -> Path:
    """One channel of sound, (n,) at 16 kHz, in a container that the suffix names or `container` does.

    picture  the codec of a black picture beside it, which lasts a second longer
    """
    with av.open(str(path), "w", format=container, options=dict(options or {})) as output:
        stream: Any = output.add_stream(codec, rate=rate, layout="mono")
        black: Any = output.add_stream(picture, rate=5) if picture else None
        if bit_rate:
            stream.bit_rate = bit_rate
        if sample_format:
            stream.codec_context.format = sample_format
        wanted = stream.codec_context.format
        resampler = av.AudioResampler(wanted, "mono", rate, stream.codec_context.frame_size or FRAME)
        if black is not None:
            black.width, black.height, black.pix_fmt = 64, 48, "yuv420p"
        for begin in range(0, len(audio), FRAME):
            block = np.ascontiguousarray(audio[None, begin : begin + FRAME], np.float32)
            frame = av.AudioFrame.from_ndarray(block, "flt", "mono")
            frame.sample_rate, frame.pts = 16_000, begin
            for made in resampler.resample(frame):
                output.mux(stream.encode(made))
        for made in resampler.resample(None):
            output.mux(stream.encode(made))
        output.mux(stream.encode(None))
        if black is not None:
            for _ in range(5 + 5 * len(audio) // 16_000):
                output.mux(black.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), "rgb24")))
            output.mux(black.encode(None))
    return path


def read_all(recording) -> npt.NDArray[np.float32]:
    """The first channel of a recording, whole."""
    blocks = list(recording.blocks(0.7))
    return np.concatenate(blocks)[:, 0] if blocks else np.zeros(0, np.float32)
