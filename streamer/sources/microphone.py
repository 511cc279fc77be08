"""A microphone as an audio source, at the device's own sample rate. PortAudio's thread fills a bounded queue."""

import math
import time
from dataclasses import dataclass
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from ..protocol.errors import DeviceLost, UnusableDevice
from .block_queue import BlockQueue
from .devices import Device, leave_sound_system, load_sounddevice, others, selected_source
from .stderr_redirect import quiet_stderr

BLOCK_S = 0.03  # audio in one callback
QUEUE_S = 10.0  # audio that the queue holds; when it is full, the oldest block is dropped
BLOCK_TIMEOUT_S = 3.0  # without any block for this long, the device is disconnected or broken
FIRST_BLOCK_TIMEOUT_S = 6.0  # the same before the first block: sound servers and Bluetooth start slowly
CLOSE_TIMEOUT_S = 2.0  # for the sound system to close a stream
MAX_READ_S = 1.0  # largest amount of audio in one read


@dataclass(frozen=True)
class Captured:
    """The result of one read.

    samples      (n, channels) in [-1, 1]
    lost         frames before these samples that were dropped from the full queue
    newest_at    when the newest of the samples arrived, by `time.monotonic()`; 0 when that is unknown
    overflows    input overflows that the system reported, each a loss of audio before it reached the queue
    """

    samples: npt.NDArray[np.float32]
    lost: int = 0
    newest_at: float = 0.0
    overflows: int = 0


class Source(Protocol):
    """A live audio source."""

    name: str
    sample_rate: int
    channels: int

    def read(self, timeout_s: float) -> Captured | None:
        """Audio since the last read, possibly empty after `timeout_s`; None at the end of the source."""
        ...

    def hold(self, held: bool) -> None:
        """Pause or continue a source that can wait; a microphone cannot."""
        ...

    @property
    def waiting_s(self) -> float:
        """Captured audio that was not read yet, in seconds."""
        ...

    def close(self) -> None:
        """Release the device or file."""
        ...


class Microphone:
    """An open input stream. The callback only copies a block into the queue; all else happens in the reader's thread.

    Raises UnusableDevice, with a list of the other devices, when the device cannot be opened.
    """

    def __init__(self, device: Device) -> None:
        self.device, self.name = device, device.name
        self.sample_rate = device.sample_rate
        block = max(1, round(device.sample_rate * BLOCK_S))
        self._queue = BlockQueue(math.ceil(QUEUE_S / BLOCK_S) * block)
        self._overflows = 0
        self._overflows_reported = 0
        self._finished, self._closed = False, False
        self._closing = Lock()
        self._idle_s = 0.0
        self.channels, self._stream = self._open(load_sounddevice(), block)

    def _open(self, module: Any, block: int) -> tuple[int, Any]:
        device = self.device
        # Two channels if there are two: the speaker may use the second input of an audio interface.
        tries = [2, 1] if device.channels >= 2 else [1]
        failure: Exception | None = None
        for channels in tries:
            try:
                with quiet_stderr(), selected_source(device):
                    stream = module.InputStream(
                        device=device.index,
                        samplerate=device.sample_rate,
                        channels=channels,
                        dtype="float32",
                        blocksize=block,
                        latency="high",
                        callback=self._on_block,
                        finished_callback=self._on_finished,
                    )
                    stream.start()
                return channels, stream
            except (module.PortAudioError, ValueError) as error:
                failure = error
        raise UnusableDevice(
            f"{device.name} ({device.sample_rate} Hz) cannot be opened: {_reason(failure)}; it may be in use by "
            f"another program, or disconnected; {others(device)}"
        )

    def _on_block(self, block: npt.NDArray[np.float32], frames: int, when: object, status: Any) -> None:
        if status.input_overflow:
            self._overflows += 1
        self._queue.put(block.copy(), time.monotonic())

    def _on_finished(self) -> None:
        self._finished = True
        self._queue.wake()

    @property
    def waiting_s(self) -> float:
        """Captured audio that was not read yet, in seconds."""
        return self._queue.waiting / self.sample_rate

    def hold(self, held: bool) -> None:
        """A microphone cannot wait: a caller that pauses discards what it reads."""

    def read(self, timeout_s: float) -> Captured:
        """Audio since the last read, at most MAX_READ_S; empty after `timeout_s` without any.

        Raises UnusableDevice when the device was disconnected and all of its audio was read.
        """
        began = time.monotonic()
        self._queue.wait(timeout_s)
        taken = self._queue.take(round(MAX_READ_S * self.sample_rate))
        overflows, self._overflows_reported = self._overflows - self._overflows_reported, self._overflows
        if taken.blocks:
            self._idle_s = 0.0
            samples: npt.NDArray[np.float32] = np.concatenate(taken.blocks, dtype=np.float32)
            return Captured(samples, taken.lost, taken.newest_at, overflows)
        # Count only the time spent waiting here: a process that was suspended for an hour has not waited for an hour.
        self._idle_s += min(time.monotonic() - began, timeout_s + 0.05)
        if self._finished or self._idle_s > (BLOCK_TIMEOUT_S if self._queue.captured else FIRST_BLOCK_TIMEOUT_S):
            raise self._disconnected()
        return Captured(np.zeros((0, self.channels), np.float32), overflows=overflows)

    def _disconnected(self) -> UnusableDevice:
        if not self._queue.captured:
            return UnusableDevice(
                f"{self.name} was opened but delivers no audio; is it muted by a switch, or used by another program? "
                f"{others(self.device)}"
            )
        captured_s = self._queue.captured / self.sample_rate
        return DeviceLost(
            f"{self.name} stopped delivering audio after {captured_s:.1f} s (unplugged?); the audio before that "
            f"was read; {others(self.device)}"
        )

    def close(self) -> None:
        """Close the stream, or leave it after `CLOSE_TIMEOUT_S`, so that the program can end. May be called again."""
        with self._closing:
            closed, self._closed = self._closed, True
        if closed:
            return
        closing = Thread(target=self._close_stream, name="emoscope microphone closing", daemon=True)
        with quiet_stderr():
            closing.start()
            closing.join(CLOSE_TIMEOUT_S)
        if closing.is_alive():  # a sound server that is frozen
            leave_sound_system()

    def _close_stream(self) -> None:
        try:
            self._stream.abort(ignore_errors=True)
        finally:
            self._stream.close(ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _reason(failure: Exception | None) -> str:
    text = str(failure.args[0]) if failure is not None and failure.args else str(failure)
    return text.removeprefix("Error opening InputStream: ").strip()
