"""Audio that another program's pipeline feeds, frame by frame, as a live source. Whoever feeds never waits."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import soxr

from ..protocol.config import SAMPLE_RATE
from .block_queue import Block, BlockQueue
from .microphone import MAX_READ_S, Captured

QUEUE_S = 30.0  # a model takes seconds to load, and what is said meanwhile waits
BLOCK_S = 0.06  # frames are gathered up to here: each block costs the reader, and so the host's interpreter, the same
RATES = (8_000, 192_000)  # what a session accepts; other rates are resampled here

Samples = npt.NDArray[np.float32]


class FedAudio:
    """A live source with one channel, at the rate of the first frame.

    sample_rate  of the first frame, Hz
    queue_s      audio that is held until it is read; when it is full, the oldest is dropped, and the reader sees it
    tell         takes one line a kind about frames that are odd, and what is done with them

    `put` and `end` belong to one thread, `read` to another.
    """

    def __init__(
        self,
        sample_rate: int,
        *,
        name: str = "pipeline",
        queue_s: float = QUEUE_S,
        tell: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.name, self.channels = name, 1
        self.sample_rate = sample_rate if RATES[0] <= sample_rate <= RATES[1] else SAMPLE_RATE
        self._tell, self._told = tell, set[str]()
        self._queue = BlockQueue(round(queue_s * self.sample_rate))
        self._gathered: list[Block] = []
        self._gathered_frames = 0
        self._ended = False
        self._resampler: soxr.ResampleStream | None = None
        self._fed_rate = self.sample_rate

    @property
    def waiting_s(self) -> float:
        """Audio that was fed and not read yet, in seconds."""
        return self._queue.waiting / self.sample_rate

    def put(self, audio: bytes | bytearray | memoryview, sample_rate: int, channels: int = 1) -> None:
        """A frame of interleaved 16-bit samples, in the machine's order.

        Several channels are mixed, another rate is resampled, half a sample at the end is left out, and a frame whose
        rate or channels make no sense is left out; the first of each is told.
        """
        if channels < 1 or sample_rate < 1:
            self._tell_once("shape", f"audio of {sample_rate} Hz with {channels} channel(s) is no sound: left out")
            return
        audio = memoryview(audio).cast("B")  # a view may count in samples
        odd = len(audio) % (2 * channels)
        if odd:
            self._tell_once("odd", f"a frame of {len(audio)} bytes ends within a sample: the rest is left out")
        samples = np.frombuffer(audio, np.int16, (len(audio) - odd) // 2)
        if channels > 1:
            self._tell_once("channels", f"{channels} channels are mixed into one; feed one voice for each session")
            block: Block = samples.reshape(-1, channels).mean(1, dtype=np.float32) / 32_768.0
        else:
            block = samples.copy()  # the frame may be written over
        if sample_rate != self._fed_rate:
            self._change_rate(sample_rate)
        if self._resampler is not None:
            block = self._resampler.resample_chunk(_as_float(block))
        self._gathered.append(block)
        self._gathered_frames += len(block)
        if self._gathered_frames >= BLOCK_S * self.sample_rate:
            self._hand_over()

    def end(self) -> None:
        """No more audio: `read` returns None after the rest."""
        self._finish_resampling()
        if self._gathered_frames:
            self._hand_over()
        self._ended = True
        self._queue.wake()

    def read(self, timeout_s: float) -> Captured | None:
        """Audio since the last read, at most a second of it; empty after `timeout_s` without any, None at the end."""
        self._queue.wait(timeout_s)
        ended = self._ended  # before the queue is looked at: what was put before the end is read
        taken = self._queue.take(round(MAX_READ_S * self.sample_rate))
        if taken.blocks:
            return Captured(np.concatenate(taken.blocks, dtype=np.float32), taken.lost)
        return None if ended else Captured(np.zeros((0, 1), np.float32))

    def hold(self, held: bool) -> None:
        """A voice in a call cannot wait: a reader that pauses discards what it reads."""

    def close(self) -> None:
        """Nothing is open here."""

    def _hand_over(self) -> None:
        """Put what was gathered where the reader finds it, as (n, 1) in [-1, 1]."""
        self._queue.put(np.concatenate([_as_float(block) for block in self._gathered])[:, None], 0.0)
        self._gathered, self._gathered_frames = [], 0

    def _change_rate(self, sample_rate: int) -> None:
        """Frames of another rate follow. A stream of frames at one rate is resampled as one."""
        self._finish_resampling()
        self._fed_rate = sample_rate
        if sample_rate != self.sample_rate:
            self._tell_once("rate", f"frames of {sample_rate} Hz are resampled to {self.sample_rate} Hz")
            self._resampler = soxr.ResampleStream(sample_rate, self.sample_rate, 1, dtype="float32")

    def _finish_resampling(self) -> None:
        """Take what the resampler holds back: up to a fifth of a second at low rates."""
        if self._resampler is not None:
            rest = self._resampler.resample_chunk(np.zeros(0, np.float32), last=True)
            self._gathered.append(rest)
            self._gathered_frames += len(rest)
            self._resampler = None

    def _tell_once(self, kind: str, line: str) -> None:
        if kind not in self._told:
            self._told.add(kind)
            self._tell(line)


def _as_float(block: Block) -> Samples:
    """16-bit samples scaled to [-1, 1]; others as they are."""
    floats = block.astype(np.float32)
    return floats / np.float32(32_768.0) if block.dtype == np.int16 else floats
