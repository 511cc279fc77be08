"""The rolling transcript: passes of a recognizer over one utterance, and the words on which they agree. No I/O."""

from .hypothesis import Hypothesis, RecognizedSegment

__all__ = ["Hypothesis", "RecognizedSegment"]
