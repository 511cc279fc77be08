"""A live session of fake audio in its threads, for tests that look at its events."""

from typing import Any

import numpy as np
from waiting import DEADLINE_S

from emoscope.streamer import Config
from emoscope.streamer.protocol.events import AnyEvent
from emoscope.streamer.runtime.live import Live
from emoscope.streamer.runtime.updates import Meter, Notice
from emoscope.streamer.testing import CONTRACT, FakeClock, FakeEngine, FakeSource, silence, voice

TALK = np.concatenate([silence(0.5), voice(3.0), silence(1.0), voice(2.0, pitch_hz=220.0, seed=1), silence(1.0)])


def live(source: FakeSource, engine: Any = None, **options: Any) -> Live:
    """A player whose clock stands still: however busy the machine is, nothing is late, and no speech is dropped."""
    options = {"clock": FakeClock()} | options
    return Live(source, lambda: (CONTRACT, engine or FakeEngine()), Config(transcript=False), **options)


def run(player: Live) -> list[AnyEvent]:
    """All events until the end; what broke is in `player.error`."""
    player.start()
    assert player.join(DEADLINE_S), "the session did not end"
    return [item for item in player.updates() if not isinstance(item, Meter | Notice)]  # type: ignore[misc]
