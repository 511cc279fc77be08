"""The rolling transcript: passes of a recognizer over one utterance, and the words on which they agree. No I/O."""

from .hypothesis import HeardSegment, HeardWord, Hypothesis

__all__ = ["HeardSegment", "HeardWord", "Hypothesis"]
