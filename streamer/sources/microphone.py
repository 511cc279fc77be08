"""A microphone as a source of samples: its own rate, its own thread, a bounded queue, and honest about its end."""

import math
import time
from collections import deque
from dataclasses import dataclass
from threading import Event, Lock
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from ..protocol.errors import UnusableDevice
from .devices import Device, others, selected_source, sound
from .stderr import quiet_stderr

BLOCK_S = 0.03  # of one callback
WAIT_S = 10.0  # audio that may wait to be read; what comes after that pushes the oldest out
SILENT_S = 3.0  # without a single block: the device is gone, or delivers nothing
FIRST_S = 6.0  # the same, before the first block: sound servers and Bluetooth take their time
TAKE_S = 1.0  # at most so much in one read


@dataclass(frozen=True)
class Captured:
    """What one read brings.

    samples    (n, channels) in [-1, 1]
    lost       frames that came before them and were pushed out unread
    heard_at   when the newest of them arrived, `time.monotonic()`; 0 when that says nothing
    overflows  times that the system said it lost audio, before it reached us
    """

    samples: npt.NDArray[np.float32]
    lost: int = 0
    heard_at: float = 0.0
    overflows: int = 0


class Source(Protocol):
    """Anything that is listened to live."""

    name: str
    sample_rate: int
    channels: int

    def read(self, timeout_s: float) -> Captured | None:
        """What was heard since the last read, possibly nothing after `timeout_s`; None when there will be no more."""
        ...

    def hold(self, held: bool) -> None:
        """Stop or go on, where the source can wait; a microphone cannot."""
        ...

    @property
    def waiting_s(self) -> float:
        """Audio heard but not yet read, in seconds."""
        ...

    def close(self) -> None: ...


class Microphone:
    """Open from the start. The callback copies and leaves; all else happens in whichever thread reads.

    Raises UnusableDevice, with the other devices, when it cannot be opened.
    """

    def __init__(self, device: Device) -> None:
        self.device, self.name = device, device.name
        self.sample_rate = device.sample_rate
        block = max(1, round(device.sample_rate * BLOCK_S))
        # A deque with a length pushes its oldest entry out by itself: the queue is bounded without a lock.
        self._blocks: deque[tuple[int, float, npt.NDArray[np.float32]]] = deque(maxlen=math.ceil(WAIT_S / BLOCK_S))
        self._wake = Event()
        self._captured = 0
        self._read = 0
        self._overflows = 0
        self._told = 0
        self._finished, self._closed = False, False
        self._closing = Lock()
        self._idle_s = 0.0
        self.channels, self._stream = self._open(sound(), block)

    def _open(self, module: Any, block: int) -> tuple[int, Any]:
        device = self.device
        # Two channels if there are: the voice may be on the second input of an interface.
        tries = [2, 1] if device.channels >= 2 else [1]
        problem: Exception | None = None
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
                        callback=self._heard,
                        finished_callback=self._over,
                    )
                    stream.start()
                return channels, stream
            except (module.PortAudioError, ValueError) as error:
                problem = error
        raise UnusableDevice(
            f"{device.name} ({device.sample_rate} Hz) cannot be opened: {_reason(problem)}; it may be in use by "
            f"another program, or gone; {others(device)}"
        )

    def _heard(self, block: npt.NDArray[np.float32], frames: int, when: object, status: Any) -> None:
        if status.input_overflow:
            self._overflows += 1
        self._blocks.append((self._captured, time.monotonic(), block.copy()))
        self._captured += frames
        self._wake.set()

    def _over(self) -> None:
        self._finished = True
        self._wake.set()

    @property
    def waiting_s(self) -> float:
        """Audio that waits to be read."""
        return (self._captured - self._read) / self.sample_rate

    def hold(self, held: bool) -> None:
        """A microphone does not wait: whoever pauses throws away what it reads."""

    def read(self, timeout_s: float) -> Captured:
        """What was heard since the last read, up to a second; nothing after `timeout_s` without any.

        UnusableDevice when the device has gone and all that it delivered was read.
        """
        began = time.monotonic()
        if not self._blocks:
            self._wake.wait(timeout_s)
        self._wake.clear()
        most = round(TAKE_S * self.sample_rate)
        lost, heard_at, pieces = 0, 0.0, list[npt.NDArray[np.float32]]()
        taken = 0
        while self._blocks and taken < most:
            first, at, block = self._blocks.popleft()
            if first > self._read:
                if pieces:  # a gap belongs before what comes after it
                    self._blocks.appendleft((first, at, block))
                    break
                lost = first - self._read
            self._read = first + len(block)
            taken += len(block)
            pieces.append(block)
            heard_at = at
        overflows, self._told = self._overflows - self._told, self._overflows
        if pieces:
            self._idle_s = 0.0
            return Captured(np.concatenate(pieces), lost, heard_at, overflows)
        # Only time spent waiting here counts: a process that was stopped for an hour has not waited for an hour.
        self._idle_s += min(time.monotonic() - began, timeout_s + 0.05)
        if self._finished or self._idle_s > (SILENT_S if self._captured else FIRST_S):
            raise self._gone()
        return Captured(np.zeros((0, self.channels), np.float32), overflows=overflows)

    def _gone(self) -> UnusableDevice:
        if not self._captured:
            return UnusableDevice(
                f"{self.name} was opened but delivers no audio; is it muted by a switch, or in use elsewhere? "
                f"{others(self.device)}"
            )
        heard = self._captured / self.sample_rate
        return UnusableDevice(
            f"{self.name} stopped delivering audio after {heard:.1f} s (unplugged?); all that was heard before was "
            f"read; {others(self.device)}"
        )

    def close(self) -> None:
        """May be called more than once; PortAudio may not."""
        with self._closing:
            closed, self._closed = self._closed, True
        if closed:
            return
        with quiet_stderr():
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


def _reason(problem: Exception | None) -> str:
    text = str(problem.args[0]) if problem is not None and problem.args else str(problem)
    return text.removeprefix("Error opening InputStream: ").strip()
