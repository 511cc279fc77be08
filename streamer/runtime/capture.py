"""A live source, read block by block: lost audio is replaced by silence, and warnings and levels are added.

The same for a session here (`Live`) and one on a server (`Remote`).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ..protocol.errors import EmoscopeError, UnusableDevice
from ..protocol.events import Error, WarningEvent
from ..sources.microphone import Captured, Source
from .input_watch import InputWatch
from .rules import audio_dropped
from .updates import Meter

READ_TIMEOUT_S = 0.05  # how long one read of a source may wait
METER_S = 0.1  # how often a display gets the level and the lag

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True)
class CapturedAudio:
    """One read: warnings, and blocks (n, channels) that continue the session's audio one after the other."""

    warnings: list[WarningEvent] = field(default_factory=list)
    blocks: list[Samples] = field(default_factory=list)


class Capture:
    """Belongs to one thread.

    check_input   warn of clipping, silence, a narrow band and a wrong rate
    recorded      the source is a recording, which has no wrong rate
    clock         seconds that only go forward
    """

    def __init__(
        self,
        source: Source,
        *,
        check_input: bool,
        recorded: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.source, self._check_input, self._clock = source, check_input, clock
        self.paused = False
        self.lost_s = 0.0
        self._watch = InputWatch(source.sample_rate, recorded=recorded)
        self._envelope: list[float] = []
        self._next_meter = 0.0

    def read(self, audio_s: float) -> CapturedAudio | None:
        """What the source has, for a session that has accepted `audio_s`; nothing while paused, None at the end.

        UnusableDevice or UnreadableAudio when the source fails.
        """
        captured = self.source.read(READ_TIMEOUT_S)
        if captured is None:
            last = self._watch.finish() if self._check_input else []  # each comes once
            return CapturedAudio(warnings=last) if last else None
        if self.paused:
            return CapturedAudio()
        audio = CapturedAudio()
        if captured.lost or captured.overflows:
            self._watch.restart_pace()
        if captured.overflows:
            message = "the system lost audio before it reached this program: the machine is too busy"
            audio.warnings.append(audio_dropped(message, audio_s, None))
        if captured.lost and audio_s > 0:
            self._fill(audio, captured.lost, audio_s)
        self._accept(audio, captured)
        return audio

    def pause(self, paused: bool) -> bool:
        """Read nothing, or go on; whether that is a change."""
        if paused == self.paused:
            return False
        self.paused = paused
        self.source.hold(paused)
        if not paused:
            self._watch.restart()
        return True

    def meter(
        self,
        audio_s: float,
        lag_s: float,
        dropped_s: float,
        enrollment: tuple[float, float] | None = None,
        *,
        last: bool = False,
    ) -> Meter | None:
        """What a display shows now; None where the last one is not old enough."""
        now = self._clock()
        if now < self._next_meter and not last:
            return None
        self._next_meter = now + METER_S
        levels, self._envelope = tuple(self._envelope), []
        return Meter(audio_s, levels, lag_s, dropped_s, self.paused, self.lost_s, enrollment)

    def _fill(self, audio: CapturedAudio, frames: int, audio_s: float) -> None:
        """Silence in place of audio that the full queue dropped, so that later times stay right."""
        seconds = frames / self.source.sample_rate
        self.lost_s += seconds
        message = f"{seconds:.1f} s of audio were not read in time and are replaced by silence"
        audio.warnings.append(audio_dropped(message, audio_s, audio_s + seconds))
        silence = np.zeros((frames, self.source.channels), np.float32)
        self._envelope += self._watch.envelope(silence)
        audio.blocks.append(silence)

    def _accept(self, audio: CapturedAudio, captured: Captured) -> None:
        if self._check_input:
            audio.warnings.extend(self._watch.check(captured.samples, captured.newest_at or None))
        if len(captured.samples):
            self._envelope += self._watch.envelope(captured.samples)
            audio.blocks.append(captured.samples)


def source_error(error: EmoscopeError) -> Error:
    """The event that tells that a source has failed."""
    code = "device_lost" if isinstance(error, UnusableDevice) else "invalid_audio_frame"
    return Error(code=code, message=str(error), fatal=True)
