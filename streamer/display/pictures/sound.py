"""The sound of a recording for a picture: its waveform, and a copy that a page can play."""

import io
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from ...protocol.config import SAMPLE_RATE
from ...protocol.errors import UnreadableAudio
from ...session.intake import Intake
from ...sources.input_format import AS_IT_IS, InputFormat
from ...sources.recordings import Recording

POINT_S = 0.01  # a point of the waveform
BLOCK_S = 1.0  # of a block that cannot be read to its end, nothing is kept

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Sound:
    """A recording on the session's clock.

    waveform  (points, 2): the lowest and the highest sample of each `POINT_S`
    seconds   its length
    flac      the part that was asked for, 16 kHz mono; b"" where none was
    broken    why it could not be read to its end; "" where it could
    """

    waveform: Samples
    seconds: float
    flac: bytes = b""
    broken: str = ""

    def between(self, start: float, end: float, columns: int) -> tuple[Samples, Samples, Samples]:
        """Times (n,) in seconds, and the lowest and highest samples (n,) around each; n is at most about `columns`."""
        first, last = max(0, int(start / POINT_S)), min(len(self.waveform), int(np.ceil(end / POINT_S)))
        each = max(1, -(-(last - first) // columns))
        first -= first % each  # every row has the same grid, whatever is cut out
        edges = np.arange(first, max(first, last), each)
        if not len(edges):
            nothing = np.zeros(0, np.float32)
            return nothing, nothing, nothing
        lows = np.minimum.reduceat(self.waveform[:last, 0], edges)
        highs = np.maximum.reduceat(self.waveform[:last, 1], edges)
        times = (edges + each / 2) * POINT_S
        return times.astype(np.float32), lows, highs


def read_sound(
    path: Path,
    format: InputFormat = AS_IT_IS,
    channel: int | None = None,
    keep: tuple[float, float] | None = None,
) -> Sound:
    """Read a recording block by block.

    format   how it was read
    channel  the one to read where each is a session of its own; None for what `format` says
    keep     the part (start, end) in seconds of which a copy is kept as FLAC

    Raises UnreadableAudio when the file cannot be opened. What comes before a break is kept.
    """
    points: list[Samples] = []
    rest, count, broken = np.zeros(0, np.float32), 0, ""
    copy = io.BytesIO()
    with Recording(path, format if channel is None else replace(format, channels=channel)) as recording:
        intake = Intake(recording.sample_rate, recording.channels)
        writer = soundfile.SoundFile(copy, "w", SAMPLE_RATE, 1, "PCM_16", format="FLAC") if keep is not None else None
        size = round(POINT_S * SAMPLE_RATE)

        def take(block: Samples) -> None:
            nonlocal rest, count
            if writer is not None and keep is not None:
                first, last = (max(0, round(edge * SAMPLE_RATE) - count) for edge in keep)
                writer.write(block[first:last])
            count += len(block)
            rest = np.concatenate([rest, block])
            whole = len(rest) // size * size
            cut = rest[:whole].reshape(-1, size)
            points.append(np.stack([cut.min(1), cut.max(1)], 1))
            rest = rest[whole:]

        try:
            for block in recording.blocks(BLOCK_S):
                take(intake.feed(block))
        except UnreadableAudio as error:
            broken = str(error)
        take(intake.drain())
        if writer is not None:
            writer.close()
    if len(rest):
        points.append(np.array([[rest.min(), rest.max()]], np.float32))
    waveform = np.concatenate(points) if points else np.zeros((0, 2), np.float32)
    return Sound(waveform, count / SAMPLE_RATE, copy.getvalue(), broken)
