"""The `status` event, built in one place for microphones, recordings and servers."""

import math
from dataclasses import dataclass

from ...protocol.events import Lag, Status
from .view import StreamView

RATE_FROM_S = 0.1  # with less audio than that a real-time factor means nothing


def status(view: StreamView, busy_s: float, stored_s: float = math.inf) -> Status:
    """The `status` of a stream.

    busy_s    wall time that the engine has spent on this stream; `rtf` is its ratio to the audio
    stored_s  audio up to which the state is stored: `processed_s` acknowledges no more, because audio after it may be
              asked for again
    """
    return Status(
        audio_s=view.audio_s,
        processed_s=min(view.processed_s, stored_s),
        lag_s=Lag(audio=round(view.lag_s, 3), text=round(view.words_lag_s, 3)),
        dropped_s=view.dropped_s,
        rtf=round(busy_s / view.audio_s, 5) if view.audio_s > RATE_FROM_S else 0.0,
        level_dbfs=round(max((channel.level_dbfs for channel in view.channels), default=-120.0), 1),
    )


@dataclass
class SecondCounter:
    """Counts whole seconds of audio, so that a `status` is emitted for each of them, silence included."""

    next_s: float = 1.0

    def passed(self, audio_s: float) -> int:
        """How many whole seconds have passed since the last call."""
        count = max(0, math.floor(audio_s - self.next_s) + 1)
        self.next_s += count
        return count
