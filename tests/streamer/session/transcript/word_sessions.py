"""These helpers make sessions with transcription for several test files."""

from typing import Any

import numpy as np

from emoscope.streamer import Config, Session
from emoscope.streamer.session.requests import Transcribe
from emoscope.streamer.testing import CONTRACT, FakeEngine, run, silence, voice

OPTIONS: dict[str, Any] = {"refresh_s": 0.7, "text_wait_s": 0.4}


def session_of(**options):
    return Session(CONTRACT, Config(**(OPTIONS | options)), transcribe=True)


def events_of(blocks, engine=None, **options):
    return run(session_of(**options), engine or FakeEngine(), blocks)


def of_type(events, *kinds):
    return [event for event in events if event.type in kinds]


TALK = np.concatenate([silence(0.5), voice(4.0), silence(1.0), voice(2.5, 200.0, seed=3), silence(0.7)])


def answered(session, audio, answer, finish=True):
    """All events where `answer` gives the results of `Transcribe`, and a `FakeEngine` the others."""
    engine = FakeEngine()

    def both(requests):
        return [answer(r) if isinstance(r, Transcribe) else engine([r])[0] for r in requests]

    return run(session, both, [audio], finish=finish)
