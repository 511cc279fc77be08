"""Fakes and helpers for tests of anything that is built on a session: no test needs torch, a microphone or real time.

`FakeEngine` answers a session's requests, `FakeSource` stands in for a microphone, `FakeClock` and
`run_in_virtual_time` stand in for time, `voice` and `silence` make audio, and `differences` compares two runs.

>>> from emoscope.streamer import Session
>>> events = run(Session(CONTRACT), FakeEngine(), [voice(2.0)])
>>> [event.type for event in events if event.type.startswith("speech")]
['speech.started', 'speech.ended']
"""

from .audio import silence, voice
from .clock import FakeClock, run_in_virtual_time
from .comparison import differences
from .engine import CONTRACT, REACHING, FakeEngine
from .sessions import answer_all, detect_all, run
from .source import FakeSource

__all__ = [
    "CONTRACT",
    "REACHING",
    "FakeClock",
    "FakeEngine",
    "FakeSource",
    "answer_all",
    "detect_all",
    "differences",
    "run",
    "run_in_virtual_time",
    "silence",
    "voice",
]
