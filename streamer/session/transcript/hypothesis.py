"""The result of one pass of a recognizer; the same structs cross the pipe from its process."""

import msgspec

from ...protocol.events import SpokenWord


class RecognizedSegment(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of audio that the recognizer decoded in one go, with its own scores for the result.

    words        in order; their times are seconds from the first sample of the pass
    no_speech_p  probability that nobody speaks
    avg_logprob  mean log probability of its tokens
    compression_ratio  how much the text shrinks when compressed: much where it repeats itself
    """

    words: tuple[SpokenWord, ...]
    no_speech_p: float = 0.0
    avg_logprob: float = 0.0
    compression_ratio: float = 1.0


class Hypothesis(msgspec.Struct, frozen=True, kw_only=True):
    """All that a pass returns. `language_p` is None where the language was given, or the recognizer knows only one."""

    segments: tuple[RecognizedSegment, ...] = ()
    language: str | None = None
    language_p: float | None = None
