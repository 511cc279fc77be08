"""These helpers make sessions without transcription for several test files."""

import numpy as np

from emoscope.streamer import Config, Session
from emoscope.streamer.testing import CONTRACT, FakeEngine, run


def at_rate(audio, rate):
    """The same sound as another source would deliver it: linear interpolation is good enough to be a source."""
    count = int(len(audio) * rate / 16_000)
    return np.interp(np.arange(count) * 16_000 / rate, np.arange(len(audio)), audio).astype(np.float32)


def events_of(blocks, rate=16_000, contract=CONTRACT, **options):
    return run(Session(contract, Config(sample_rate=rate, **options)), FakeEngine(contract), blocks)
