"""The speech that tests of the client send, and the durable events of its replay."""

from collections.abc import Sequence

import numpy as np

from emoscope.streamer import Config, Session
from emoscope.streamer.protocol.events import AnyEvent, Durable
from emoscope.streamer.testing import CONTRACT, FakeEngine, run, silence, voice

AUDIO = np.concatenate([silence(0.6), voice(2.5), silence(1.0), voice(1.2, 200.0, seed=1), silence(1.0)])
WHOLE = (AUDIO * 32_768).astype(np.int16)  # what the wire carries


def durable(events: Sequence[AnyEvent]) -> list[Durable]:
    return [event for event in events if isinstance(event, Durable)]


REPLAYED = durable(run(Session(CONTRACT, Config()), FakeEngine(), [WHOLE]))
