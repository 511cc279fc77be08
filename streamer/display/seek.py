"""Running a recording or a record up to one second of it, for a picture of the screen at that moment."""

import math
import time
from dataclasses import replace

from ..protocol.events import Mood, Status, WarningEvent
from ..runtime.input_watch import ENVELOPE_S
from ..runtime.updates import Meter, Notice, Update
from ..sinks.record import event_time
from .player import Player, RecordPlayer
from .state import ScreenState

POLL_S = 0.05
STOP_TIMEOUT_S = 2.0


def apply_until(player: Player, state: ScreenState, at_s: float) -> None:
    """Run a player until `at_s` on the audio clock, and apply to `state` what a person could have seen by then."""
    if isinstance(player, RecordPlayer):
        for item in player.until(at_s):
            state.apply(item)
        return
    player.start()
    while not _apply_available(player, state, at_s):
        time.sleep(POLL_S)
    player.stop()
    player.join(STOP_TIMEOUT_S)


def _apply_available(player: Player, state: ScreenState, at_s: float) -> bool:
    """Apply what has come so far; true when nothing more of the time before `at_s` will come."""
    finished = player.done
    for item in player.updates():
        if (visible := _visible_at(item, at_s)) is not None:
            state.apply(visible)
        finished = finished or (isinstance(item, Status) and item.processed_s >= at_s)
    return finished


def _visible_at(item: Update, at_s: float) -> Update | None:
    """The part of an item that could be seen at a time on the audio clock."""
    if isinstance(item, Notice):
        return item
    if isinstance(item, Meter):
        later = math.ceil(max(0.0, item.audio_s - at_s) / ENVELOPE_S)
        if later >= max(1, len(item.envelope)):
            return item if not later else None
        return replace(item, audio_s=min(item.audio_s, at_s), envelope=item.envelope[: len(item.envelope) - later])
    when = item.end if isinstance(item, Mood) else item.start if isinstance(item, WarningEvent) else event_time(item)
    return item if (when or 0.0) <= at_s else None
