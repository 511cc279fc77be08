"""Doors of other people's programs: a voice that a framework's pipeline has is read, and the readings go back to it.

Each framework has a module of its own, which imports it: `pipecat`, `livekit`. What they share imports neither:
`EmotionReader` reads one voice beside an event loop, `Turn` sums up what was read since the last transcription.
"""

from .options import ReaderOptions
from .reader import EmotionReader
from .turn import Turn

__all__ = ["EmotionReader", "ReaderOptions", "Turn"]
